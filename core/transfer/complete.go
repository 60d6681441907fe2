package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// complete joins the parts and proves the result. The upload stays in the
// journal until the object's own record replaces it.
func (c *Copier) complete(ctx context.Context, a *assembly) (receipt, error) {
	sums := joined(a.layout, a.parts)
	object, err := c.join(ctx, a, sums)
	if err != nil {
		return receipt{}, err
	}
	got, err := c.proveParts(ctx, a.task, object, sums)
	got.changes = a.record.Changes
	return got, err
}

// join has the destination make the object of its parts. sums are its checksums as far
// as they are known.
func (c *Copier) join(ctx context.Context, a *assembly, sums []driver.Checksum) (object driver.Object, err error) {
	err = c.attempt(ctx, c.Destination, func() error {
		var err error
		object, err = c.Destination.completeUpload(ctx, a.completion(sums), a.record.DestinationKey())
		if err == nil || ctx.Err() != nil {
			return err
		}
		whole, found, unclear := c.landed(ctx, a, sums)
		switch {
		case found:
			object = whole // the answer was lost, not the object
			return nil
		case driver.KindOf(err) != driver.KindNotFound:
			return err
		case unclear != nil:
			return unclear // it may be lost or complete
		}
		return ErrUploadLost
	})
	return object, err
}

func (a *assembly) completion(sums []driver.Checksum) driver.CompleteUploadRequest {
	request := driver.CompleteUploadRequest{
		Upload: driver.UploadRef{ID: a.record.ID}, Size: a.task.Size, Attributes: a.record.Attributes,
	}
	if len(sums) > 0 && sums[0].Algorithm == a.parts[1].Checksum.Algorithm {
		request.Checksum = sums[0] // not one that only the source keeps
	}
	for number := 1; number <= a.layout.Parts(); number++ {
		part := a.parts[number]
		known := driver.Part{Number: number, Size: part.Size, ETag: part.ETag}
		if !part.Checksum.IsZero() {
			known.Checksums = []driver.Checksum{checksum.Bare(part.Checksum)}
		}
		request.Parts = append(request.Parts, known)
	}
	return request
}

// joined returns the checksums of the whole object that follow from those of its
// parts; none when a part is missing or its checksum says nothing of the whole.
func joined(layout plan.Layout, parts map[int]journal.Part) []driver.Checksum {
	known, ofSource := make([]checksum.Part, layout.Parts()), make([]checksum.Part, layout.Parts())
	for i := range known {
		part, held := parts[i+1]
		if !held {
			return nil
		}
		known[i] = checksum.Part{Checksum: part.Checksum, Size: part.Size}
		ofSource[i] = checksum.Part{Checksum: part.SourceChecksum, Size: part.Size}
	}
	return append(checksum.Join(known), checksum.Join(ofSource)...)
}

// landed says whether the destination holds the finished object, as far as the
// store can tell: an unclear answer to Complete may stand for success. The error says
// that the store could not tell.
func (c *Copier) landed(ctx context.Context, a *assembly, sums []driver.Checksum) (driver.Object, bool, error) {
	object, err := c.Destination.Stat(ctx, a.record.DestinationKey())
	if err != nil || object.Size != a.task.Size {
		if driver.KindOf(err) == driver.KindNotFound {
			err = nil
		}
		return object, false, err
	}
	switch checksum.CompareWritten(sums, object.Checksums) {
	case checksum.Equal:
		return object, true, nil
	case checksum.Different:
		return object, false, nil
	}
	// Without a checksum, the time tells: nobody else is meant to write here.
	return object, !object.Modified.Before(a.record.Intended.Truncate(time.Second)), nil
}

// proveParts compares the joined checksums with what both sides state. Ranged
// answers state none of the whole object, so the source is asked once.
func (c *Copier) proveParts(ctx context.Context, t task.Task, object driver.Object, sums []driver.Checksum) (receipt, error) {
	var source []driver.Checksum
	if checksum.CompareWritten(sums, object.Checksums) == checksum.Unknown && len(c.Destination.Session.Checksums.Stored) > 0 {
		stated, err := c.Destination.Stat(ctx, c.written(t.Key))
		if err != nil {
			return receipt{}, err
		}
		object = stated
	}
	if len(c.Source.Session.Checksums.Stored) > 0 {
		stated, err := c.Source.Stat(ctx, t.Key)
		if err == nil && stated.ETag == t.ETag {
			source = stated.Checksums
		}
	}
	if err := c.compareSource(t.Key, sums, source); err != nil {
		return receipt{}, err
	}
	return c.prove(t, object.ETag, sums, source, object.Checksums)
}

func fullObject(sums []driver.Checksum) []driver.Checksum {
	var full []driver.Checksum
	for _, sum := range sums {
		if checksum.OfBytes(sum) {
			full = append(full, sum)
		}
	}
	return full
}

// resume goes on with the upload that the journal remembers for the key. It
// returns nil when there is none to go on with, and a receipt when the object
// turns out to be complete already.
func (c *Copier) resume(ctx context.Context, t task.Task, layout plan.Layout) (*assembly, *receipt, error) {
	record, known, err := c.Journal.Upload(ctx, t.Key)
	if errors.Is(err, journal.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	sameVersion := c.isOf(record, t)
	sameForm := record.DestinationKey() == c.written(t.Key) && record.Attributes.StorageClass == c.Fit.Class(t.StorageClass)
	sameForm = sameForm && record.Terms == c.Terms
	if record.ID == "" || !sameVersion || !sameForm || record.PartSize != layout.PartSize {
		return nil, nil, c.Discard(ctx, record)
	}
	a := &assembly{task: t, layout: layout, record: record, parts: map[int]journal.Part{}}
	held, err := c.Destination.listParts(ctx, record.DestinationKey(), record.ID)
	if driver.KindOf(err) == driver.KindNotFound {
		return c.resumeFinished(ctx, a, known)
	}
	if err != nil {
		return nil, nil, err
	}
	a.keep(known, held)
	for _, part := range a.parts {
		c.Counters.ResumedBytes.Add(part.Size)
	}
	return a, nil, nil
}

// isOf says whether the upload is of the task's version, and counts when it is not.
func (c *Copier) isOf(record journal.Upload, t task.Task) bool {
	same := t.ETag != "" && record.SourceETag == t.ETag && record.SourceVersion == t.VersionID && record.Size == t.Size
	if !same {
		c.Counters.Replanned.Add(1)
	}
	return same
}

// abandon discards the upload that an interrupted run left of an object that
// does not go in parts any more.
func (c *Copier) abandon(ctx context.Context, t task.Task) error {
	if !c.Interrupted[t.Key] {
		return nil
	}
	record, _, err := c.Journal.Upload(ctx, t.Key)
	if errors.Is(err, journal.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c.isOf(record, t)
	return c.Discard(ctx, record)
}

// resumeFinished handles an upload that the destination does not know: the run
// was killed between completing it and recording so, or somebody aborted it.
func (c *Copier) resumeFinished(ctx context.Context, a *assembly, known []journal.Part) (*assembly, *receipt, error) {
	for _, part := range known {
		a.parts[part.Number] = part
	}
	if sums := joined(a.layout, a.parts); len(sums) > 0 {
		object, found, err := c.landed(ctx, a, sums)
		if err != nil {
			return nil, nil, err
		}
		if found {
			got, err := c.proveParts(ctx, a.task, object, sums)
			got.changes = a.record.Changes
			if err == nil {
				c.Counters.ResumedBytes.Add(a.task.Size)
			}
			return nil, &got, err
		}
	}
	return nil, nil, c.Journal.ForgetUpload(ctx, a.task.Key)
}

// keep takes over the parts that both the journal and the destination know as
// the same.
func (a *assembly) keep(known []journal.Part, held []driver.Part) {
	recorded := map[int]journal.Part{}
	for _, part := range known {
		recorded[part.Number] = part
	}
	for _, part := range held {
		mine, ok := recorded[part.Number]
		if ok && mine.ETag == part.ETag && mine.Size == part.Size {
			a.parts[part.Number] = mine
		}
	}
}

// Discard aborts what the journal remembers of an upload and forgets it. Where
// only the intent is known, it aborts the uploads of exactly this key that were
// begun since: the crash hid their IDs.
func (c *Copier) Discard(ctx context.Context, record journal.Upload) error {
	if err := c.AbortUpload(ctx, record, nil); err != nil {
		return err
	}
	return c.Journal.ForgetUpload(ctx, record.Key)
}
