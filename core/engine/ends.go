package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// ends are both stores of a job as settling sees them. signed is the download of the task
// at hand, where it could be signed ahead.
type ends struct {
	*Engine
	signed driver.Exchange
	giant  int64 // objects of this size and above are not copied by one worker
}

// errGiant says that an object is to be copied by many workers.
type errGiant struct{ task task.Task }

func (e *errGiant) Error() string {
	return fmt.Sprintf("%q is copied in parts by many workers", e.task.Key)
}

// Source looks at a source object. It is absent only when a HEAD does not find it and no
// listing shows it, which tells an absent key from an absent bucket: objects are deleted
// for the answer.
func (e ends) Source(ctx context.Context, key string) (driver.Object, bool, error) {
	object, err := e.source.Stat(ctx, key)
	if !transfer.IsAbsent(err) {
		return object, err == nil, err
	}
	listed, err := e.atSource(ctx, key)
	if err == nil && listed {
		err = fmt.Errorf("source: bucket %q: %q is listed but cannot be read yet", e.source.Name, e.from.Absolute(key))
	}
	return driver.Object{}, false, err
}

// Destination looks at the object that a source key is written to.
func (e ends) Destination(ctx context.Context, key string) (driver.Object, bool, error) {
	object, err := e.destination.Stat(ctx, e.written(key))
	if transfer.IsAbsent(err) {
		return driver.Object{}, false, nil
	}
	return object, err == nil, err
}

// Copy copies an object, unless it is a giant. All writes of a worker begin here, but for
// deletions: parts and orders about giants follow what this sent.
func (e ends) Copy(ctx context.Context, t task.Task) (journal.Record, error) {
	if err := e.apart.letCopy(ctx, e.Engine, t); err != nil {
		return journal.Record{}, err
	}
	if e.giant > 0 && t.Size >= e.giant && !e.copier.CopiesInside() {
		return journal.Record{}, &errGiant{t}
	}
	e.counters.InFlight.Add(1)
	defer e.counters.InFlight.Add(-1)
	return e.copier.Copy(ctx, t, e.signed)
}

// Delete removes the object that a source key is written to. A key that the store would
// take for another one has none.
func (e ends) Delete(ctx context.Context, key string) error {
	var unfit *fit.Error
	if err := e.copier.CheckKey(ctx, key, 0); err != nil {
		if errors.As(err, &unfit) {
			return nil
		}
		return err
	}
	return e.remove(ctx, e.written(key))
}

// Same compares what both stores show of the bytes and the attributes. Times and sizes say
// nothing.
func (e ends) Same(source, destination driver.Object, record journal.Record) (journal.Grade, bool) {
	grade, same := e.sameBytes(source, destination, record)
	return grade, same && (e.copier.SameAttributes(source, destination) || e.untouched(source, destination, record))
}

// untouched says that neither side was written since the key's record. It is asked where the
// attributes of both cannot be compared: of tags, and of copies that were adapted. A source
// that was written shortly before the record may have been again in the same second. A
// destination whose clock is ahead costs a copy.
func (e ends) untouched(source, destination driver.Object, record journal.Record) bool {
	if !e.copier.Tags && len(record.Changes) == 0 {
		return false
	}
	return record.Outcome == journal.OutcomeDone && source.ETag == record.SourceETag && destination.ETag == record.DestinationETag &&
		!source.Modified.IsZero() && source.Modified.Unix() == record.SourceModified.Unix() && record.At.Sub(source.Modified) > transfer.MostSkew &&
		!destination.Modified.IsZero() && !destination.Modified.After(record.At)
}

// sameBytes compares what both stores state, and takes the word of the key's last proof where
// they state nothing that can be compared.
func (e ends) sameBytes(source, destination driver.Object, record journal.Record) (journal.Grade, bool) {
	comparer := e.comparer()
	if record.FailedFor(source.ETag) || comparer.Whole && record.LastProof().Adapted {
		return "", false
	}
	switch checksum.Compare(source.Checksums, destination.Checksums) {
	case checksum.Equal:
		return journal.GradeBoth, source.Size == destination.Size
	case checksum.Different:
		return "", false
	}
	comparer.By = job.CompareETag
	if comparer.Compare(diff.Pair{Source: &source, Destination: &destination, Record: &record}) != diff.Same {
		return "", false
	}
	if proof := record.LastProof(); proof.SourceETag == source.ETag && proof.DestinationETag == destination.ETag && proof.Grade != "" {
		return proof.Grade, true
	}
	return journal.GradeBoth, true // the ETags are MD5s of the bytes, and equal
}

// Task asks for a source object as it was looked at.
func (e ends) Task(object driver.Object) task.Task {
	t := task.FromObject(object, e.source.Prefix)
	t.VersionID = "" // the current one, whatever was looked at
	return t
}
