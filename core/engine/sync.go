package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// ParkedError says that a run stopped before its end and goes on when the same
// command is given again. Err is why it stopped.
type ParkedError struct{ Err error }

func (e *ParkedError) Error() string {
	if e.Err == nil || errors.Is(e.Err, context.Canceled) {
		return "the run was interrupted"
	}
	return "the run is parked: " + e.Err.Error()
}

// Unwrap returns why the run stopped.
func (e *ParkedError) Unwrap() error { return e.Err }

// maxProblems is how many problems, vanished objects and adaptations a report repeats;
// the journal holds all.
const maxProblems = 1000

// Sync makes the destination hold what the source holds. Objects that fail are
// in the report, which is never nil; the error says why the run as a whole
// stopped before its end: *ParkedError after an interruption of ctx or lost
// credentials, *GuardError, or what broke.
func (e *Engine) Sync(ctx context.Context) (*observe.Report, error) {
	return e.run(ctx, e.sync)
}

// run records one execution around the work. What the work returns says whether it came to
// its end, not whether ctx did: an interruption may come when nothing is left to stop.
func (e *Engine) run(ctx context.Context, work func(context.Context) error) (*observe.Report, error) {
	started := time.Now().UTC()
	run := journal.Run{
		ID: started.Format("20060102T150405.000000Z"), Source: e.job.Source.Address(), Destination: e.job.Destination.Address(),
		Started: started, State: journal.StateRunning,
	}
	report := &observe.Report{
		Run: run.ID, Source: run.Source, Destination: run.Destination, Started: started, Delete: e.deletes(),
	}
	e.copier.Run, e.warnings, e.compared = run.ID, nil, false
	lasting := context.WithoutCancel(ctx) // what a run did is on record, interrupted or not
	err := e.journal.BeginRun(lasting, run)
	if err == nil {
		err = work(ctx)
	}
	if err != nil && (ctx.Err() != nil || driver.KindOf(err) == driver.KindExpired) {
		err = &ParkedError{Err: err}
	}
	return report, e.end(lasting, run, report, err)
}

// end fills the report and records it.
func (e *Engine) end(ctx context.Context, run journal.Run, report *observe.Report, err error) error {
	e.counters.Fill(report)
	report.Finished, report.Warnings, report.Unlisted = time.Now().UTC(), e.warnings, !e.compared
	var parked *ParkedError
	switch {
	case errors.As(err, &parked):
		report.State = journal.StateInterrupted
	case err != nil || report.Objects.Failed > 0 || report.Objects.Skipped > 0:
		report.State = journal.StateFailed
	default:
		report.State = journal.StateDone
	}
	if err != nil {
		report.Error = err.Error()
	}
	if failure := errors.Join(e.listFailures(ctx, run.ID, report), e.listAdapted(ctx, run.ID, report)); failure != nil {
		return errors.Join(err, failure)
	}
	text, failure := json.Marshal(report)
	if failure != nil {
		return errors.Join(err, failure)
	}
	run.State, run.Finished, run.Report = report.State, report.Finished, text
	return errors.Join(err, e.journal.EndRun(ctx, run))
}

// listFailures repeats what was not copied, and what there was not to copy any more.
func (e *Engine) listFailures(ctx context.Context, run string, report *observe.Report) error {
	vanished := min(report.Objects.Vanished, maxProblems)
	for record, err := range e.journal.Failures(ctx, run) {
		switch {
		case err != nil:
			return err
		case len(report.Problems) >= maxProblems && int64(len(report.Vanished)) >= vanished:
			return nil
		case record.Outcome == journal.OutcomeVanished && len(report.Vanished) < maxProblems:
			report.Vanished = append(report.Vanished, record.Key)
		case record.Outcome != journal.OutcomeVanished && len(report.Problems) < maxProblems:
			report.Problems = append(report.Problems, observe.Problem{Key: record.Key, Outcome: record.Outcome, Error: record.Error})
		}
	}
	return nil
}

// vanished is the record of an object that is not at the source any more.
func (e *Engine) vanished(t task.Task) journal.Record {
	return journal.Record{Key: t.Key, Run: e.copier.Run, Outcome: journal.OutcomeVanished, Size: t.Size, SourceETag: t.ETag, SourceModified: t.Modified, At: time.Now()}
}

// listAdapted repeats what was copied otherwise than it is at the source.
func (e *Engine) listAdapted(ctx context.Context, run string, report *observe.Report) error {
	for record, err := range e.journal.Adapted(ctx, run) {
		if err != nil {
			return err
		}
		if len(report.Adapted) == maxProblems {
			return nil
		}
		report.Adapted = append(report.Adapted, observe.Adaptation{Key: record.Key, Written: record.Written, Changes: record.Changes})
	}
	return nil
}

// sync finds work and does it, both at once; then it cleans up and deletes.
func (e *Engine) sync(ctx context.Context) error {
	if err := e.findAndWork(ctx, e.find); err != nil {
		return err
	}
	if err := e.discardUploads(ctx); err != nil {
		return err
	}
	return e.deleteExtras(ctx)
}

// finding sends what is to be copied to the queue. It is given the keys whose uploads an
// interrupted run left.
type finding func(ctx context.Context, to queue.Queue, pending map[string]bool) error

// findAndWork finds work and does it, both at once.
func (e *Engine) findAndWork(ctx context.Context, find finding) error {
	queue, err := queuesqlite.New(e.state)
	if err != nil {
		return err
	}
	// What an interrupted run left in the queue will be found again: the
	// listings, not the queue, say what is still to do.
	if err := e.recordInterrupted(ctx, queue); err != nil {
		return err
	}
	if err := queue.Purge(ctx); err != nil {
		return err
	}
	if err := e.journal.ClearExtras(ctx); err != nil {
		return err
	}
	pending, err := e.pendingUploads(ctx)
	if err != nil {
		return err
	}
	e.copier.Interrupted = pending
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := find(groupContext, queue, pending)
		return errors.Join(err, queue.Close())
	})
	group.Go(func() error { return e.work(groupContext, queue) })
	return group.Wait()
}

// pendingUploads returns the keys whose uploads an interrupted run left. Uploads of
// which only the intent is known are aborted here, and those that could not be aborted before.
func (e *Engine) pendingUploads(ctx context.Context) (map[string]bool, error) {
	uploads, err := e.journal.Uploads(ctx)
	if err != nil {
		return nil, err
	}
	for _, upload := range uploads {
		if upload.ID != "" {
			continue
		}
		if err := e.copier.Discard(ctx, upload); err != nil {
			return nil, err
		}
	}
	return pendingKeys(uploads), nil
}

// resumable returns the keys whose uploads an interrupted run left, and changes nothing.
func (e *Engine) resumable(ctx context.Context) (map[string]bool, error) {
	if e.journal == nil || e.state.ReadOnly() && !e.state.Upgraded() {
		return nil, nil
	}
	uploads, err := e.journal.Uploads(ctx)
	return pendingKeys(uploads), err
}

func pendingKeys(uploads []journal.Upload) map[string]bool {
	pending := map[string]bool{}
	for _, upload := range uploads {
		if !upload.IsLeft() {
			pending[upload.Key] = true
		}
	}
	return pending
}

// discardUploads aborts the uploads that nothing went on with, but for those that the next
// run is to go on with.
func (e *Engine) discardUploads(ctx context.Context) error {
	uploads, err := e.journal.Uploads(ctx)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		if e.copier.Keeps(upload.Key) {
			continue
		}
		if err := e.copier.Discard(ctx, upload); err != nil {
			return err
		}
	}
	return nil
}
