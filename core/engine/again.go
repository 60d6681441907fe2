package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Retry copies the objects that failed or were skipped in an earlier run and have not been
// copied since. It is a run of its own that lists nothing and deletes nothing: what only
// the destination has is left to the next sync, which sees both listings. Report and
// error are as those of Sync; the report is nil where there is no such run.
func (e *Engine) Retry(ctx context.Context, earlier string) (*observe.Report, error) {
	runs, err := e.journal.Runs(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(runs, func(run journal.Run) bool { return run.ID == earlier }) {
		return nil, UnknownRun(earlier)
	}
	return e.run(ctx, func(ctx context.Context) error {
		return e.findAndWork(ctx, func(ctx context.Context, to queue.Queue, pending map[string]bool) error {
			return e.findFailed(ctx, earlier, to, pending)
		})
	})
}

// UnknownRun says that no run has this name.
func UnknownRun(run string) error {
	return &job.Error{What: fmt.Sprintf("there is no run %q", run), Do: "dth status lists all runs", Usage: true}
}

// findFailed sends the objects that failed or were skipped in a run to the queue, as they
// are now.
func (e *Engine) findFailed(ctx context.Context, earlier string, to queue.Queue, pending map[string]bool) error {
	if err := e.refusedByFolders(ctx); err != nil {
		return err
	}
	a := &again{
		finder:  finder{engine: e, queue: to, batch: task.Batch{Run: e.copier.Run}, tree: e.tree(), age: batchAge},
		pending: pending,
	}
	a.matter = a.tree.matter
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(unclearAtOnce)
	var failure error
	for record, err := range e.journal.Failures(ctx, earlier) {
		if failure = cmp.Or(err, groupContext.Err()); failure != nil {
			break
		}
		if record.Outcome == journal.OutcomeVanished {
			continue // there was nothing to copy; what is back is found by the next sync
		}
		group.Go(func() error { return a.look(groupContext, record) })
	}
	err := errors.Join(group.Wait(), failure)
	if err == nil {
		err = a.flush(ctx)
	}
	if err := errors.Join(err, a.flushPassed(ctx)); err != nil {
		return err
	}
	e.counters.ListingDone.Store(true)
	return nil
}

// again is a finder that is told the keys.
type again struct {
	mu sync.Mutex // guards the finder
	finder
	pending map[string]bool
	matter  bool     // whether the destination is a tree, as far as is known before
	absent  sync.Map // keys that neither side has, though others are below them
}

// look looks at one object of the source and decides what becomes of it.
func (a *again) look(ctx context.Context, record journal.Record) error {
	e := a.engine
	object, present, err := ends{Engine: e}.Source(ctx, record.Key)
	switch {
	case err == nil && !present:
		return a.gone(ctx, record)
	case ctx.Err() != nil:
		return ctx.Err()
	case driver.KindOf(err) == driver.KindExpired:
		return err
	}
	parent, below := "", ""
	if err == nil && a.matter {
		parent, below, err = a.conflictOf(ctx, record.Key)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		return a.pass(ctx, task.Task{Key: record.Key, Size: record.Size, ETag: record.SourceETag, Modified: record.SourceModified}, err)
	}
	object.VersionID = "" // the current one, whatever was looked at
	pair := diff.Pair{Key: record.Key, Source: &object}
	if parent == "" && below == "" {
		return a.want(ctx, pair)
	}
	switch tree, err := a.isTree(ctx); {
	case err != nil:
		return err
	case !tree:
		return a.want(ctx, pair)
	case parent != "":
		return a.refuse(ctx, a.task(pair), parent)
	}
	return a.refuseOver(ctx, a.task(pair), below)
}

// gone records an object that the source has no more, and ends its upload.
func (a *again) gone(ctx context.Context, before journal.Record) error {
	if before.SourceETag == "" && before.SourceModified.IsZero() {
		return a.undeleted(ctx, before)
	}
	e := a.engine
	e.log.Info("object is not at the source any more", "key", before.Key)
	record := e.vanished(task.Task{Key: before.Key, Size: before.Size, ETag: before.SourceETag})
	e.counters.Add(record.Counts())
	err := e.journal.Append(context.WithoutCancel(ctx), []journal.Record{record})
	if err != nil || !a.pending[before.Key] {
		return err
	}
	upload, _, err := e.journal.Upload(ctx, before.Key)
	if errors.Is(err, journal.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.copier.Discard(ctx, upload)
}

// undeleted fails an object again that the source never had and that could not be deleted at
// the destination, unless that has it no more.
func (a *again) undeleted(ctx context.Context, before journal.Record) error {
	e := a.engine
	written := cmp.Or(before.Written, before.Key)
	_, err := e.destination.Stat(ctx, written)
	switch {
	case transfer.IsAbsent(err):
		e.log.Info("object is not at the destination any more", "key", written)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		err = fmt.Errorf("destination: bucket %q: only the destination has %q, and retry deletes nothing: run sync with --delete",
			e.destination.Name, e.to.Absolute(written))
	}
	record := journal.Record{
		Key: before.Key, Written: before.Written, Run: e.copier.Run, Outcome: journal.OutcomeFailed, Error: err.Error(), At: time.Now(),
	}
	e.counters.Add(record.Counts())
	return e.journal.Append(context.WithoutCancel(ctx), []journal.Record{record})
}

// conflictOf returns what keeps a destination that is a tree from holding an object which it
// does not hold yet: a key above it, of either side, or an absolute key that the destination
// has below it.
func (a *again) conflictOf(ctx context.Context, key string) (parent, below string, err error) {
	stores := ends{Engine: a.engine}
	if _, held, err := stores.Destination(ctx, key); held || err != nil && !transfer.IsHidden(err) {
		return "", "", err
	}
	for i := range len(key) - 1 { // what ends in "/" is below nothing by that
		if i == 0 || key[i] != '/' {
			continue
		}
		if _, known := a.absent.Load(key[:i]); known {
			continue
		}
		_, there, err := stores.Destination(ctx, key[:i])
		if !there && (err == nil || transfer.IsHidden(err)) {
			_, err = a.engine.source.Stat(ctx, key[:i])
			there = err == nil
		}
		if there || err != nil && !transfer.IsAbsent(err) && !transfer.IsHidden(err) {
			return key[:i], "", err
		}
		a.absent.Store(key[:i], true)
	}
	below, err = a.engine.below(ctx, a.engine.to.Absolute(a.engine.written(key)))
	return "", below, err
}

// SendAgain has the workers of a fleet look once more at the objects of a run that failed
// or were skipped, under the name of the same run: what comes of them takes the place of
// what came of them before. It returns how many it sent, and how many it left to the
// finder, which alone sees what keeps the destination from holding them.
func SendAgain(ctx context.Context, from journal.Journal, to queue.Shared, run string) (sent, left int64, err error) {
	sending := newSender(ctx, to, nil)
	batch := task.Batch{Run: run}
	for record, err := range from.Failures(ctx, run) {
		switch {
		case err != nil:
			return sent, left, errors.Join(err, sending.Close())
		case record.Outcome == journal.OutcomeVanished:
			continue
		case record.Message == finderMessage && record.Unmappable:
			left++
			continue
		}
		batch.Tasks = append(batch.Tasks, lookAgainAt(record))
		sent++
		if len(batch.Tasks) < batchTasks {
			continue
		}
		if err := sending.Send(ctx, batch); err != nil {
			return sent, left, errors.Join(err, sending.Close())
		}
		batch.Tasks = batch.Tasks[:0]
	}
	if len(batch.Tasks) > 0 {
		err = sending.Send(ctx, batch)
	}
	return sent, left, errors.Join(err, sending.Close())
}

// lookAgainAt returns the task that looks at an object once more. A deletion that failed is
// followed if the source still has nothing there, within the limits of all deletions by events.
func lookAgainAt(record journal.Record) task.Task {
	t := task.Task{Key: record.Key, Size: record.Size, Action: task.Look}
	// Older versions did not put that on record: it may be an event that named no version.
	if record.OwesDeletion() || record.Outcome == journal.OutcomeFailed && record.Sequencer != "" && record.SourceETag == "" {
		t.Action = task.Delete
	}
	return t
}
