package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// delivery is one message and how many of its tasks have no durable outcome yet.
type delivery struct {
	message queue.Message
	open    atomic.Int32
}

// item is one task on its way to a worker.
type item struct {
	task     task.Task
	signed   driver.Exchange // its download, where it could be signed ahead
	delivery *delivery
}

// outcome is one decided task on its way to the journal.
type outcome struct {
	record   journal.Record // without a Key and Outcome when there is nothing to record
	delivery *delivery
}

// recordsAtOnce bounds one write of the journal, recordDelay how long an outcome
// waits for others to share it: each write costs a flush of the disk.
const (
	recordsAtOnce = 500
	recordDelay   = 20 * time.Millisecond
)

// deniedLimit is how many objects may be denied while none succeeds: after that
// the credentials lack a right, and going on only costs requests.
const deniedLimit = 20

// workers hands tasks to goroutines and their outcomes to the journal.
type workers struct {
	engine   *Engine
	queue    queue.Queue
	items    chan item
	outcomes chan outcome
	denied   atomic.Int32

	stop context.CancelCauseFunc // ends the whole run
}

// work copies what comes out of the queue until it is closed and empty. When ctx
// ends it takes nothing more, gives what is in flight a while to finish, and leaves
// the rest to the next run.
func (e *Engine) work(ctx context.Context, from queue.Queue) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, cancel := withGrace(ctx, grace)
	defer cancel()
	w := &workers{
		engine: e, queue: from, stop: stop,
		items: make(chan item), outcomes: make(chan outcome, recordsAtOnce),
	}
	var recorder errgroup.Group
	recorder.Go(func() error { return w.record(context.WithoutCancel(ctx)) })
	var copiers sync.WaitGroup
	for range e.transfers() {
		copiers.Go(func() {
			for next := range w.items {
				w.copy(hard, next)
			}
		})
	}
	received := w.receive(ctx)
	close(w.items)
	copiers.Wait()
	close(w.outcomes)
	recorded := recorder.Wait()
	if cause := context.Cause(ctx); cause != nil && recorded == nil {
		return cause
	}
	return errors.Join(recorded, received)
}

// receive takes messages apart until the queue is done or ctx ends.
func (w *workers) receive(ctx context.Context) error {
	for first := true; ; first = false {
		message, err := w.queue.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if first { // a run that finds nothing to copy asks the stores for listings only
			if _, err := w.engine.openInside(ctx); err != nil {
				return err
			}
		}
		d := &delivery{message: message}
		d.open.Store(int32(len(message.Batch.Tasks)))
		signed := w.engine.copier.SignAhead(ctx, message.Batch.Tasks)
		for i, t := range message.Batch.Tasks {
			select {
			case w.items <- item{task: t, signed: signed[i], delivery: d}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// copy copies one task and passes its outcome on. An open outcome stops the
// run: what stays in the queue and the journal is gone on with later.
func (w *workers) copy(ctx context.Context, next item) {
	counters := w.engine.counters
	counters.InFlight.Add(1)
	record, err := w.engine.copier.Copy(ctx, next.task, next.signed)
	counters.InFlight.Add(-1)
	switch {
	case errors.Is(err, transfer.ErrVanished):
		counters.Vanished.Add(1)
		record = journal.Record{} // counted here
	case record.Outcome == "":
		w.stop(err)
		return
	case err != nil:
		w.engine.log.Warn("object not copied", "key", record.Key, "outcome", record.Outcome, "error", record.Error)
		w.checkDenied(err)
	}
	counters.Add(record.Counts())
	w.outcomes <- outcome{record: record, delivery: next.delivery}
}

// checkDenied stops a run that is not allowed anything.
func (w *workers) checkDenied(err error) {
	if driver.KindOf(err) != driver.KindDenied || w.engine.counters.Copied.Load() > 0 {
		return
	}
	if n := w.denied.Add(1); n == deniedLimit {
		w.stop(fmt.Errorf("the first %d objects were all denied: %w", n, err))
	}
}

// record makes outcomes durable, as many at once as are there, and acknowledges
// messages whose tasks all have one. A failure ends the run, because work without
// a record would be lost or repeated.
func (w *workers) record(ctx context.Context) error {
	var failure error
	for first := range w.outcomes {
		group := gather(first, w.outcomes)
		if failure != nil {
			continue
		}
		if failure = w.save(ctx, group); failure != nil {
			w.stop(failure)
		}
	}
	return failure
}

// gather waits a moment for what can be recorded together.
func gather[T any](first T, more <-chan T) []T {
	group := []T{first}
	timer := time.NewTimer(recordDelay)
	defer timer.Stop()
	for len(group) < recordsAtOnce {
		select {
		case next, open := <-more:
			if !open {
				return group
			}
			group = append(group, next)
		case <-timer.C:
			return group
		}
	}
	return group
}

func (w *workers) save(ctx context.Context, group []outcome) error {
	records := make([]journal.Record, 0, len(group))
	for _, o := range group {
		if o.record.Outcome != "" {
			records = append(records, o.record)
		}
	}
	if err := w.engine.journal.Append(ctx, records); err != nil {
		return err
	}
	var finished []queue.Message
	for _, o := range group {
		if o.delivery.open.Add(-1) == 0 {
			finished = append(finished, o.delivery.message)
		}
	}
	if len(finished) == 0 {
		return nil
	}
	return w.queue.Ack(ctx, finished...)
}
