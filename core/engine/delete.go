package engine

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// deletesAtOnce is how many deletions are in flight.
const deletesAtOnce = 16

// deletes says whether a run removes extra objects. A fleet deletes by events alone.
func (e *Engine) deletes() bool { return e.job.Settings.Delete && e.fleet == nil }

// deleteExtras removes what only the destination has, when the user asked for
// that. It comes after both listings have ended and everything was copied, keeps to the
// guards, and looks at the source once more before each deletion.
func (e *Engine) deleteExtras(ctx context.Context) error {
	extra := e.counters.Extra.Load()
	err := e.guard(tallies{
		source: e.counters.ListedSource.Load(), destination: e.counters.ListedDestination.Load(), extra: extra,
		left: e.counters.Failed.Load() + e.counters.Skipped.Load(),
	})
	if err != nil || !e.job.Settings.Delete || extra == 0 {
		return err
	}
	if err := e.provedApart(ctx); err != nil {
		return err
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(deletesAtOnce)
	var failure error
	for key, err := range e.journal.Extras(ctx) {
		if failure = cmp.Or(err, groupContext.Err()); failure != nil {
			break
		}
		group.Go(func() error { return e.deleteExtra(groupContext, key) })
	}
	return cmp.Or(group.Wait(), failure)
}

// provedApart proves by the extra keys that both buckets are two.
func (e *Engine) provedApart(ctx context.Context) error {
	if !e.mayBeOne() {
		return nil
	}
	best := ""
	for key, err := range e.journal.Extras(ctx) {
		if err != nil {
			return err
		}
		if e.inBoth(key) {
			best = key
			break
		}
	}
	return e.apart.prove(ctx, e, best)
}

// deleteExtra deletes one object when a fresh look at the source does not find
// it. An object that cannot be deleted is a failed object, not the end of the run.
func (e *Engine) deleteExtra(ctx context.Context, key string) error {
	original := e.copier.Fit.Original(key)
	gone, err := e.gone(ctx, original)
	if encoded := e.copier.Fit.Decoded(key); err == nil && gone && encoded != original {
		gone, err = e.gone(ctx, encoded) // a run that encoded keys may have written it
	}
	if err == nil && !gone {
		return nil // it is there again: the next run compares it
	}
	if err == nil {
		err = e.remove(ctx, key)
	}
	switch {
	case err == nil:
		e.counters.Deleted.Add(1)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	e.log.Warn("object not deleted", "key", key, "error", err)
	record := e.undeleted(key, err)
	e.counters.Add(record.Counts())
	return e.journal.Append(context.WithoutCancel(ctx), []journal.Record{record}) // it is counted
}

// undeleted is the record of an object that only the destination has, and keeps. Records are of
// keys of the source: it is of the one that the object would be the copy of. The source has no
// object there; it may have another one, of which this run tells something else, under the key
// that stands at the destination.
func (e *Engine) undeleted(key string, err error) journal.Record {
	record := journal.Record{
		Key: e.copier.Fit.Original(key), Run: e.copier.Run, Outcome: journal.OutcomeFailed, Error: err.Error(), At: time.Now(),
	}
	if record.Key != key {
		record.Written = key
	}
	return record
}

// gone says whether the source does not have a key: no listing shows it, and no HEAD finds
// it. Either may lag behind the other, and a listing alone tells an absent key from an
// absent bucket.
func (e *Engine) gone(ctx context.Context, key string) (bool, error) {
	if listed, err := e.atSource(ctx, key); listed || err != nil {
		return false, err
	}
	_, err := e.source.Stat(ctx, key)
	switch {
	case transfer.IsAbsent(err):
		return true, nil
	case err == nil:
		e.log.Warn("the source has an object that its listing lacks", "key", key)
	}
	return false, err
}

// atSource looks a key up by listing.
func (e *Engine) atSource(ctx context.Context, key string) (bool, error) {
	return e.source.Lists(ctx, e.from.Absolute(key))
}

// Lists says whether a listing shows the object that a source key is written to. Where none
// can be made for want of a right, it may be there.
func (e ends) Lists(ctx context.Context, key string) (bool, error) {
	listed, err := e.destination.Lists(ctx, e.to.Absolute(e.written(key)))
	if driver.KindOf(err) == driver.KindDenied {
		return true, nil
	}
	return listed, err
}

// remove deletes an object of the destination, and nothing of a bucket that may be the
// source's. All deletions of objects pass here. The key is relative, as it is written.
func (e *Engine) remove(ctx context.Context, written string) error {
	if err := e.apart.prove(ctx, e, written); err != nil {
		return err
	}
	return e.destination.Delete(ctx, written)
}
