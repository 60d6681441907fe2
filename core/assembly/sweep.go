package assembly

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

const tooOld = "it was not finished in the time that giant objects are given"

// Sweep looks at all giant objects that are not final, as the watch does at one, and
// also goes on with those that nobody works on: old ones of which no message is
// left in the queue. The finder calls it now and then.
func (a *Assembler) Sweep(ctx context.Context) error {
	uploads, err := a.store.Unfinished(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, upload := range uploads {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := named(upload, a.sweep(ctx, upload))
		var refused *transfer.Error
		if errors.As(err, &refused) && ctx.Err() == nil && driver.KindOf(err) != driver.KindExpired {
			a.log.Warn("a giant object is left as it is until the next look", "key", upload.Task.Key, "error", err)
			continue // a store's trouble with one object is none of the others
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func (a *Assembler) sweep(ctx context.Context, upload Upload) error {
	switch {
	case upload.State != Open:
		return a.act(ctx, upload.ID, "")
	case a.age(upload) < a.config.Idle:
		return nil
	case a.age(upload) > a.config.GiveUp:
		if err := a.store.Fail(ctx, upload.ID, tooOld); err != nil {
			return err
		}
		return a.act(ctx, upload.ID, "")
	}
	depth, err := a.queue.Depth(ctx)
	if err != nil || depth.Waiting+depth.Delayed+depth.Held > 0 {
		return err
	}
	return a.takeOver(ctx, upload)
}

// takeOver goes on with a giant object that its owner left.
func (a *Assembler) takeOver(ctx context.Context, upload Upload) error {
	owner, taken := a.newOwner(), time.Now()
	upload, mine, err := a.store.Create(ctx, upload, owner, a.config.Creating)
	if err != nil || !mine || upload.State != Open {
		return err
	}
	work, release := a.hold(ctx, upload.ID, owner, taken, a.config.Creating, "")
	defer release()
	upload, err = a.begin(work, upload, owner, true)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		if err := a.store.Fail(ctx, upload.ID, reasonOf(refused.cause)); err != nil {
			return err
		}
		return a.act(ctx, upload.ID, "")
	case errors.Is(err, journal.ErrBusy):
		return nil
	case err != nil:
		return err
	}
	return a.handOver(work, upload)
}
