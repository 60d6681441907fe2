package assembly

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/lease"
)

// errLeaseLost says that somebody else may work on the giant object now.
var errLeaseLost = errors.New("the lease was lost")

// shortestBeat is the least time that a sign of life may take.
const shortestBeat = time.Second

// over is a lease that has ended whatever clocks differ by.
const over = -time.Hour

// hold keeps a lease that was taken at a time, and the order that carried the token if
// any, alive until release is called, which also ends the lease. The context ends when
// the lease is lost, or may be lost without our knowing.
func (a *Assembler) hold(ctx context.Context, id, owner string, taken time.Time, life time.Duration, token string) (work context.Context, release func()) {
	work, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		err := lease.Lease{
			Taken: taken, Life: life, Every: a.config.Beat,
			Renew: func(ctx context.Context) (bool, error) { return a.store.Extend(ctx, id, owner, life) },
			Warn:  func(err error) { a.log.Debug("a lease cannot be extended yet", "giant", id, "error", err) },
		}.Keep(work)
		if err != nil {
			cancel(fmt.Errorf("%w: %w", errLeaseLost, err))
		}
	})
	if token != "" {
		keeping.Go(func() { a.beat(work, token) })
	}
	return work, func() {
		cancel(context.Canceled)
		keeping.Wait()
		if _, err := a.store.Extend(context.WithoutCancel(ctx), id, owner, over); err != nil {
			a.log.Debug("a lease ends by itself", "giant", id, "error", err)
		}
	}
}

// beat keeps the order that carried the token alive until ctx ends, or nothing waits for it.
// A sign of life that is not answered does not hold the next one up.
func (a *Assembler) beat(ctx context.Context, token string) {
	ticker := time.NewTicker(a.config.Beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, max(a.config.Beat, shortestBeat))
		err := a.watch.Beat(bounded, token)
		cancel()
		if errors.Is(err, ErrNotFound) {
			return // the watch asks again; what is done by then it will find done
		}
	}
}

// lost returns why work on a giant object ended where that is a lost lease, or err.
func lost(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errLeaseLost) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
