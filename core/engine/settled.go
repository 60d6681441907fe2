package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
)

// UnsettledError says that objects which were sent to the queue never got an outcome, and
// that nobody works on them: their messages were moved to the dead-letter queue because
// they were received too often, or removed.
type UnsettledError struct{ Objects int64 }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("%d objects have no outcome, and the queues are empty: look for their messages with dth dlq list, or run the finder again", e.Objects)
}

// settledPoll is how often the finder looks whether the workers are done, at most.
const settledPoll = 2 * time.Second

// settledPause returns the pause after a look that took so long. A look reads what came of
// every message of the run, which costs money where there are millions: it takes a
// twentieth of the time.
func settledPause(took time.Duration) time.Duration { return max(settledPoll, 19*took) }

// awaitSettled waits until every planned object has an outcome, and takes the totals
// over into the report. It ends with *UnsettledError when nobody works any more.
func (e *Engine) awaitSettled(ctx context.Context) error {
	quiet := cmp.Or(e.fleet.Quiet, DefaultQuiet)
	last, since := journal.Counts{}, time.Now() // what was settled when something was last going on
	for {
		began := time.Now()
		total, err := e.fleet.Journal.Total(ctx, e.copier.Run)
		if err != nil {
			return err
		}
		e.counters.Take(total)
		left := e.counters.Planned.Load() - (total.Settled() - e.passed.Settled())
		if left <= 0 {
			return nil
		}
		idle := total == last
		if idle {
			if idle, err = e.idle(ctx); err != nil {
				return err
			}
		}
		switch {
		case !idle:
			last, since = total, time.Now()
		case time.Since(since) >= quiet:
			swept, err := e.sweepGiants(ctx)
			if err != nil {
				return err
			}
			if !swept {
				return &UnsettledError{left}
			}
			since = time.Now()
		}
		pause := time.NewTimer(max(min(settledPause(time.Since(began)), quiet/4), time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// idle says that no message is left, as far as the queue knows.
func (e *Engine) idle(ctx context.Context) (bool, error) {
	depth, err := e.fleet.Queue.Depth(ctx)
	return depth == queue.Depth{}, err
}

// sweepGiants goes on with giant objects that nobody works on; false when there are none.
func (e *Engine) sweepGiants(ctx context.Context) (bool, error) {
	if e.fleet.Giants == nil {
		return false, nil
	}
	unfinished, err := e.fleet.Giants.Assembly.Store.Unfinished(ctx)
	if err != nil || len(unfinished) == 0 {
		return false, err
	}
	s := &server{engine: e, fleet: e.fleet, lasting: context.WithoutCancel(ctx)}
	return true, e.assembler(outcomes{s}).Sweep(ctx)
}
