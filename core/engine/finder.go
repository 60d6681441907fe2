package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/lease"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
)

// ErrFinderRuns says that another finder works on the same job.
var ErrFinderRuns = errors.New("another finder is at work on this job")

// finderLease is the name of the finders' lease.
const finderLease = "finder"

// Find compares both sides once and sends what must be copied to the shared queue. With
// wait it also waits until the workers have settled all of it. The report is as that of
// Sync; its counts of what workers did are those that are known when it ends. While
// another finder works it is ErrFinderRuns and does nothing; so it ends when another took
// its place. With wait, *UnsettledError says that objects were lost on the way.
func (e *Engine) Find(ctx context.Context, wait bool) (*observe.Report, error) {
	asked := ctx // ends when the finder is told to stop
	taken, err := e.takeLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.fleet.Journal.DropLease(context.WithoutCancel(ctx), finderLease, e.fleet.Worker) }() // it ends by itself, too
	ctx, stop := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		if err := e.keepLease(ctx, taken); err != nil {
			stop(err)
		}
	}()
	report, err := e.run(ctx, func(ctx context.Context) error { return e.findOnce(ctx, wait) })
	if cause := context.Cause(ctx); err != nil && cause != nil && asked.Err() == nil {
		err = cause // not an interruption
	}
	stop(nil)
	<-renewing
	return report, err
}

// takeLease takes the finders' lease, and returns when it was asked for. A lease of which
// the answer took the half is asked for again.
func (e *Engine) takeLease(ctx context.Context) (taken time.Time, err error) {
	for {
		taken = time.Now()
		held, err := e.fleet.Journal.TakeLease(ctx, finderLease, e.fleet.Worker, e.fleet.Lease)
		if err == nil && !held {
			err = ErrFinderRuns
		}
		if err != nil || time.Since(taken) < e.fleet.Lease/2 {
			return taken, err
		}
	}
}

// keepLease keeps the lease, which was taken at a time, until ctx ends. It returns an
// error when the lease is lost, and before it can be lost without our knowing.
func (e *Engine) keepLease(ctx context.Context, taken time.Time) error {
	err := lease.Lease{
		Taken: taken, Life: e.fleet.Lease,
		Renew: func(ctx context.Context) (bool, error) {
			return e.fleet.Journal.TakeLease(ctx, finderLease, e.fleet.Worker, e.fleet.Lease)
		},
		Warn: func(err error) { e.log.Warn("the finder's lease could not be renewed yet", "error", err) },
	}.Keep(ctx)
	switch {
	case errors.Is(err, lease.ErrLost):
		return ErrFinderRuns
	case err != nil:
		return fmt.Errorf("the finder ends, because another may be at work on this job by now: %w", err)
	}
	return nil
}

func (e *Engine) findOnce(ctx context.Context, wait bool) error {
	e.passed = journal.Counts{}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	sending := newSender(ctx, e.fleet.Queue, e.fleet.Wake)
	if !e.fleet.SkipCompare {
		known, err := newKnown(ctx, e)
		if err != nil {
			return err
		}
		defer known.close()
		e.known = known
	}
	if err := errors.Join(e.find(ctx, sending, nil), sending.Close()); err != nil {
		return err
	}
	if e.known != nil {
		if err := e.known.complete(ctx); err != nil {
			return err
		}
	}
	err := e.fleet.Journal.Tally(ctx, journal.Tally{Run: e.copier.Run, Message: finderMessage, Counts: e.passed})
	if err != nil || !wait {
		return err
	}
	return e.awaitSettled(ctx)
}

// sweep ends what crashed workers left at the destination and nobody will go on with.
func (e *Engine) sweep(ctx context.Context) error {
	s := &server{engine: e, fleet: e.fleet, lasting: context.WithoutCancel(ctx)}
	if s.assembler = e.assembler(outcomes{s}); s.assembler != nil {
		if err := s.assembler.Sweep(ctx); err != nil {
			return err
		}
	}
	depth, err := e.fleet.Queue.Depth(ctx)
	if err != nil || depth != (queue.Depth{}) {
		return err // who works on it goes on with its uploads
	}
	return e.sweepUploads(ctx)
}

// sweepUploads discards the uploads that dead workers left, whose messages are gone, too.
// One that failed for a reason that may pass stays while the source has its version: this
// run sends the object again.
func (e *Engine) sweepUploads(ctx context.Context) error {
	uploads, err := e.fleet.Journal.Uploads(ctx)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		keeps, err := e.keepsUpload(ctx, upload)
		if err != nil {
			return err
		}
		if keeps {
			continue
		}
		record, _, err := e.fleet.Journal.Upload(ctx, upload.Key) // takes the hold
		if errors.Is(err, journal.ErrBusy) || errors.Is(err, journal.ErrNotFound) {
			continue
		}
		if err == nil {
			err = e.copier.Discard(ctx, record)
		}
		if err != nil && !errors.Is(err, journal.ErrBusy) {
			return err
		}
	}
	return nil
}

// keepsUpload says whether the upload of an object that failed is to be gone on with.
func (e *Engine) keepsUpload(ctx context.Context, upload journal.Upload) (bool, error) {
	records, err := e.fleet.Journal.Lookup(ctx, []string{upload.Key})
	record, found := records[upload.Key]
	if err != nil || !found || upload.ID == "" || record.Outcome != journal.OutcomeFailed || record.SourceETag != upload.SourceETag {
		return false, err
	}
	object, err := e.source.Stat(ctx, upload.Key)
	if err != nil {
		return !transfer.IsAbsent(err), ctx.Err() // a source that is away may come back
	}
	return object.ETag == upload.SourceETag && object.Size == upload.Size, nil
}

// sendsAtOnce is how many batches are on their way to the queue, which takes ten in one
// request.
const sendsAtOnce = 20

// sender sends batches side by side.
type sender struct {
	queue.Shared
	group *errgroup.Group
	ctx   context.Context // ends when one could not be sent
	wake  func(context.Context) error
}

func newSender(ctx context.Context, to queue.Shared, wake func(context.Context) error) *sender {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(sendsAtOnce)
	return &sender{Shared: to, group: group, ctx: groupContext, wake: wake}
}

// Send sends a batch soon. That it could not be sent shows in a later call.
func (s *sender) Send(_ context.Context, batch task.Batch) error {
	if err := s.ctx.Err(); err != nil {
		return context.Cause(s.ctx)
	}
	if s.wake != nil {
		if err := s.wake(s.ctx); err != nil {
			return err
		}
		s.wake = nil
	}
	batch.Tasks = slices.Clone(batch.Tasks)
	s.group.Go(func() error { return s.Shared.Send(s.ctx, batch) })
	return nil
}

// Close waits for all batches to be stored. The queue itself stays open.
func (s *sender) Close() error { return s.group.Wait() }
