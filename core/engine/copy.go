package engine

import (
	"context"
	"errors"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// NewObject returns the engine of a job between two objects, for Copy. It fails where
// both are the same. The caller closes it.
func NewObject(config Config) (*Engine, error) {
	from, to, err := job.CopyKeys(config.Job.Source, config.Job.Destination)
	if err != nil {
		return nil, err
	}
	if from == to && config.Source.Session().Identity == config.Destination.Session().Identity {
		return nil, sameObject()
	}
	// The whole key is the prefix, and the relative key is empty.
	e, err := build(config, job.Keys{Strip: from, List: from}, job.Keys{Strip: to, List: to})
	if err != nil {
		return nil, err
	}
	e.single = true
	return e, nil
}

// sameObject refuses to copy an object onto itself.
func sameObject() error {
	return &job.Error{What: "source and destination are the same object", Do: "choose another bucket or key", Usage: true}
}

// Copy copies the one object of an engine made by NewObject. It lists nothing. Report
// and error are as those of Sync.
func (e *Engine) Copy(ctx context.Context) (*observe.Report, error) {
	return e.run(ctx, e.copyObject)
}

func (e *Engine) copyObject(ctx context.Context) error {
	object, err := e.source.Stat(ctx, "")
	if err != nil {
		return err
	}
	t := task.Task{Size: object.Size, ETag: object.ETag, Modified: object.Modified, StorageClass: object.StorageClass}
	e.counters.Planned.Add(1)
	e.counters.PlannedBytes.Add(t.Size)
	e.counters.ListingDone.Store(true)
	if e.copier.Interrupted, err = e.pendingUploads(ctx); err != nil {
		return err
	}
	if err := e.apart.letWrite(ctx, e, []task.Task{t}); err != nil {
		return err
	}
	if _, err := e.openInside(ctx); err != nil {
		return err
	}
	hard, cancel := withGrace(ctx, grace)
	defer cancel()
	e.counters.InFlight.Add(1)
	record, err := e.copier.Copy(hard, t, driver.Exchange{})
	e.counters.InFlight.Add(-1)
	gone := errors.Is(err, transfer.ErrVanished)
	if record.Outcome == "" {
		return err
	}
	e.counters.Add(record.Counts())
	if failure := e.journal.Append(context.WithoutCancel(ctx), []journal.Record{record}); failure != nil {
		return failure
	}
	if gone || driver.KindOf(err) == driver.KindDenied {
		return err // what was asked for is not there, or nothing but the credentials is wrong
	}
	return nil
}
