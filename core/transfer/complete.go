package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	source, err := c.sourceSums(ctx, a, sums) // damaged bytes must not replace an object
	if err != nil {
		return receipt{}, err
	}
	object, err := c.join(ctx, a, sums)
	if err != nil {
		return receipt{}, err
	}
	got, err := c.proveParts(a, object, sums, source)
	got.changes = a.record.Changes
	if err != nil {
		return got, err
	}
	return c.kept(ctx, a.task, a.record.Attributes, got)
}

// join has the destination make the object of its parts and returns it as a look shows it.
// sums are its checksums as far as they are known.
func (c *Copier) join(ctx context.Context, a *assembly, sums []driver.Checksum) (driver.Object, error) {
	for number := 1; number <= a.layout.Parts(); number++ {
		if _, held := a.parts[number]; !held {
			return driver.Object{}, c.Destination.failed(0, &driver.Error{
				Op: "CompleteUpload", Key: c.Destination.Prefix + a.record.DestinationKey(), Kind: driver.KindInvalidArgument,
				Message: fmt.Sprintf("part %d of %d is missing", number, a.layout.Parts()),
			})
		}
	}
	var answered driver.Object
	var whole *driver.Object // where a look showed it
	err := c.attempt(ctx, c.Destination, func(ctx context.Context) error {
		var err error
		answered, err = c.Destination.completeUpload(ctx, a.completion(sums), a.record.DestinationKey())
		if err == nil || ctx.Err() != nil {
			return err
		}
		object, found, unclear := c.landed(ctx, a, sums)
		switch {
		case found:
			whole = &object // the answer was lost, not the object
			// Or an older object has the same bytes and attributes: then the upload is still open.
			a.record.Left = append(slices.Clip(a.record.Left), a.record.Begun())
			return nil
		case !isUploadGone(err):
			return unproven(err)
		case unclear != nil:
			return unclear // it may be lost or complete
		}
		return ErrUploadLost
	})
	if err != nil {
		return driver.Object{}, err
	}
	if whole != nil {
		return *whole, c.keepJoined(ctx, a, whole.ETag)
	}
	if err := c.keepJoined(ctx, a, answered.ETag); err != nil {
		return driver.Object{}, err
	}
	return c.lookAfter(ctx, a, answered)
}

// keepJoined puts on record what object the parts were joined into. What fails from here on may
// pass, and a later run must know the object. Where a checksum decides that is not needed.
func (c *Copier) keepJoined(ctx context.Context, a *assembly, etag string) error {
	if !a.record.Before.Looked || etag == "" {
		return nil
	}
	a.record.Joined = etag
	ctx = context.WithoutCancel(ctx)
	if a.amend != nil {
		return a.amend(ctx, a.record)
	}
	return c.Journal.AmendUpload(ctx, a.record)
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

// resumption is what an upload on record leads to: an upload to go on with, or an object
// that is finished, with the upload that became it. With neither the object is begun anew.
type resumption struct {
	assembly *assembly
	finished *receipt
	left     []journal.Begun // earlier uploads that could not be ended
}

// resume goes on with the upload that the journal remembers for the key, where it is of
// the same version and form and was begun on the same terms. now are the attributes of the
// source object where they are known. With an error the assembly, where there is one, is the
// upload that it happened to.
func (c *Copier) resume(ctx context.Context, t task.Task, layout plan.Layout, now *driver.Attributes) (resumption, error) {
	record, known, err := c.Journal.Upload(ctx, t.Key)
	if errors.Is(err, journal.ErrNotFound) {
		return resumption{}, nil
	}
	if err != nil {
		return resumption{}, err
	}
	if record.IsLeft() {
		left, err := c.discard(ctx, record)
		return resumption{left: left}, err
	}
	sameVersion := c.isOf(record, t)
	sameForm := record.DestinationKey() == c.written(t.Key) && record.Attributes.StorageClass == c.Fit.Class(t.StorageClass)
	sameForm = sameForm && record.Terms == c.Terms
	if record.ID == "" || !sameVersion || !sameForm || record.PartSize != layout.PartSize {
		left, err := c.discard(ctx, record)
		return resumption{left: left}, err
	}
	a := &assembly{task: t, layout: layout, record: record, parts: map[int]journal.Part{}}
	failed := func(err error) (resumption, error) {
		a.remember(known) // else the upload would look like one that is not worth keeping
		return resumption{assembly: a}, err
	}
	before, err := c.lookAgain(ctx, record)
	if err != nil {
		return failed(err)
	}
	held, err := c.Destination.listParts(ctx, record.DestinationKey(), record.ID, layout.Parts())
	lost := errors.Is(err, ErrUploadLost)
	if err != nil && !lost {
		return failed(err)
	}
	if err := c.isStill(ctx, a, now); IsChanged(err) || unbound(err) != nil {
		left, err := c.discard(ctx, record)
		return resumption{left: left}, err
	} else if err != nil {
		return failed(err)
	}
	if lost {
		return c.resumeFinished(ctx, a, known)
	}
	a.record.Before, a.record.Joined = before, "" // it is open: what is there is not of it
	a.keep(known, held)
	for _, part := range a.parts {
		c.Counters.ResumedBytes.Add(part.Size)
	}
	return resumption{assembly: a}, nil
}

// isOf says whether the upload is of the task's version, and counts when it is not. The same
// ETag with another time of modification is the same bytes, with other attributes perhaps.
func (c *Copier) isOf(record journal.Upload, t task.Task) bool {
	same := record.SourceETag == t.ETag && record.SourceVersion == t.VersionID && record.Size == t.Size
	if !record.Modified.IsZero() && !t.Modified.IsZero() {
		same = same && record.Modified.Unix() == t.Modified.Unix()
	}
	if !isStrong(t.ETag) {
		same = same && !record.Bound.IsZero()
	}
	if !same {
		c.Counters.Replanned.Add(1)
	}
	return same
}

// remember takes the parts on record for those of an upload that the destination cannot list.
func (a *assembly) remember(known []journal.Part) {
	for _, part := range known {
		a.parts[part.Number] = part
	}
}

// resumeFinished handles an upload that the destination does not know: the run
// was killed between completing it and recording so, or it was aborted by another.
func (c *Copier) resumeFinished(ctx context.Context, a *assembly, known []journal.Part) (resumption, error) {
	a.remember(known)
	a.gone = true
	if len(a.parts) == a.layout.Parts() {
		got, found, err := c.proveFinished(ctx, a)
		if found || err != nil {
			return resumption{assembly: a, finished: &got}, err
		}
	}
	left, err := c.discard(ctx, a.record)
	return resumption{left: left}, err
}

// proveFinished proves the object of an upload that is gone where it is there.
func (c *Copier) proveFinished(ctx context.Context, a *assembly) (got receipt, found bool, err error) {
	sums := joined(a.layout, a.parts)
	var object driver.Object
	err = c.attempt(ctx, c.Destination, func(ctx context.Context) (err error) {
		object, found, err = c.landed(ctx, a, sums)
		return err
	})
	if err != nil || !found {
		return got, false, err
	}
	source, err := c.sourceSums(ctx, a, sums)
	if err == nil {
		got, err = c.proveParts(a, object, sums, source)
	}
	got.changes = a.record.Changes
	if err == nil {
		c.Counters.ResumedBytes.Add(a.task.Size)
	}
	return got, true, err
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
		if !ok || mine.ETag != part.ETag || mine.Size != part.Size {
			continue
		}
		if checksum.CompareWritten([]driver.Checksum{mine.Checksum, mine.SourceChecksum}, part.Checksums) != checksum.Different {
			a.parts[part.Number] = mine
		}
	}
}
