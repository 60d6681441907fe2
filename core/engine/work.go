package engine

import (
	"cmp"
	"context"
	"errors"
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
	task     *task.Task      // of the delivery
	signed   driver.Exchange // its download, where it could be signed ahead
	delivery *delivery
	tried    *sync.WaitGroup // told when it was tried; may be nil
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

// workers hands tasks to goroutines and their outcomes to the journal.
type workers struct {
	engine   *Engine
	queue    queue.Queue
	items    chan item
	outcomes chan outcome
	rights   rights

	once  sync.Once
	cause error              // why the run was stopped
	stop  context.CancelFunc // ends the whole run
}

// fail stops the run. Only the first failure counts.
func (w *workers) fail(err error) {
	w.once.Do(func() {
		w.cause = err
		w.stop()
	})
}

// work copies what comes out of the queue until it is closed and empty. When ctx
// ends it takes nothing more, gives what is in flight a while to finish, and leaves
// the rest to the next run.
func (e *Engine) work(ctx context.Context, from queue.Queue) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
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
				if next.tried != nil {
					next.tried.Done()
				}
			}
		})
	}
	received := w.receive(ctx)
	close(w.items)
	copiers.Wait()
	close(w.outcomes)
	if recorded := recorder.Wait(); recorded != nil {
		return recorded
	}
	if w.cause == nil && received == nil {
		if denied := w.rights.doubt(deniedLimit); denied != nil {
			return allDenied(denied)
		}
	}
	return cmp.Or(w.cause, received)
}

// receive hands out what is in the queue until that is done or ctx ends.
func (w *workers) receive(ctx context.Context) error {
	for first := true; ; first = false {
		items, err := w.unpack(ctx)
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
		w.signAhead(ctx, items)
		for len(items) > 0 {
			if w.rights.doubt(doubtedAt) != nil {
				if items, err = w.lookFurther(ctx, items); err != nil {
					return err
				}
				continue
			}
			next := items[0]
			items = items[1:]
			if err := w.hand(ctx, next); err != nil {
				return err
			}
		}
	}
}

// unpack takes one message apart.
func (w *workers) unpack(ctx context.Context) ([]item, error) {
	message, err := w.queue.Receive(ctx)
	if err != nil {
		return nil, err
	}
	d := &delivery{message: message}
	d.open.Store(int32(len(message.Batch.Tasks)))
	items := make([]item, len(message.Batch.Tasks))
	for i := range items {
		items[i] = item{task: &message.Batch.Tasks[i], delivery: d}
	}
	return items, nil
}

// signAhead signs the downloads of one message.
func (w *workers) signAhead(ctx context.Context, items []item) {
	if len(items) == 0 {
		return
	}
	for i, signed := range w.engine.copier.SignAhead(ctx, items[0].delivery.message.Batch.Tasks) {
		items[i].signed = signed
	}
}

// hand gives one item to a goroutine that is free.
func (w *workers) hand(ctx context.Context, next item) error {
	select {
	case w.items <- next:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// copy copies one task and passes its outcome on. An open outcome stops the
// run: what stays in the queue and the journal is gone on with later.
func (w *workers) copy(ctx context.Context, next item) {
	counters := w.engine.counters
	counters.InFlight.Add(1)
	record, err := w.engine.copier.Copy(ctx, *next.task, next.signed)
	counters.InFlight.Add(-1)
	switch {
	case errors.Is(err, transfer.ErrVanished):
		w.engine.log.Info("object is not at the source any more", "key", record.Key)
	case record.Outcome == "":
		w.fail(err)
		return
	case err != nil:
		w.engine.log.Warn("object not copied", "key", record.Key, "outcome", record.Outcome, "error", record.Error)
	}
	w.rights.note(err)
	counters.Add(record.Counts())
	w.outcomes <- outcome{record: record, delivery: next.delivery}
}

// record makes outcomes durable, as many at once as are there, and acknowledges
// messages whose tasks all have one. A failure ends the run, because work without
// a record would be lost or repeated.
func (w *workers) record(ctx context.Context) error {
	var failure error
	var group []outcome // its memory is used again
	for first := range w.outcomes {
		group = gather(append(group[:0], first), w.outcomes)
		if failure != nil {
			continue
		}
		if failure = w.save(ctx, group); failure != nil {
			w.fail(failure)
		}
	}
	return failure
}

// gather adds to a group, for a moment, what can be recorded together.
func gather[T any](group []T, more <-chan T) []T {
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
