package engine

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
)

// deletesAtOnce is how many deletions are in flight.
const deletesAtOnce = 16

// deleteExtras removes what only the destination has, when the user asked for
// that. It comes after both listings have ended, keeps to the cap, and looks at the
// source once more before each deletion.
func (e *Engine) deleteExtras(ctx context.Context) error {
	extra := e.counters.Extra.Load()
	if !e.job.Settings.Delete || extra == 0 {
		return nil
	}
	limit := e.job.Settings.MaxDelete
	if allowed := limit.Allows(e.counters.ListedDestination.Load()); extra > allowed {
		return &GuardError{Reason: fmt.Sprintf(
			"%d of the destination's %d objects are not at the source, and --max-delete %s allows %d deletions; nothing was deleted. Check the locations, or raise --max-delete",
			extra, e.counters.ListedDestination.Load(), limit.Written, allowed)}
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(deletesAtOnce)
	var failure error
	for key, err := range e.journal.Extras(ctx) {
		if err != nil || groupContext.Err() != nil {
			failure = err
			break
		}
		group.Go(func() error { return e.deleteExtra(groupContext, key) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return failure
}

// deleteExtra deletes one object when a fresh look at the source does not find
// it. An object that cannot be deleted is a failed object, not the end of the run.
func (e *Engine) deleteExtra(ctx context.Context, key string) error {
	original := e.copier.Fit.Original(key)
	present, err := e.atSource(ctx, original)
	if encoded := e.copier.Fit.Decoded(key); err == nil && !present && encoded != original {
		present, err = e.atSource(ctx, encoded) // a run that encoded keys may have written it
	}
	if present {
		return nil // it is there again: the next run compares it
	}
	if err == nil {
		err = e.destination.Delete(ctx, key)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		e.counters.Deleted.Add(1)
		return nil
	}
	e.counters.Failed.Add(1)
	e.log.Warn("object not deleted", "key", key, "error", err)
	return e.journal.Append(ctx, []journal.Record{{
		Key: key, Run: e.copier.Run, Outcome: journal.OutcomeFailed, Error: err.Error(), At: time.Now(),
	}})
}

// atSource looks a key up by listing: unlike the answer to a HEAD, a listing
// tells an absent key from an absent bucket.
func (e *Engine) atSource(ctx context.Context, key string) (bool, error) {
	return e.source.Lists(ctx, e.from.Absolute(key))
}
