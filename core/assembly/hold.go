package assembly

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errLeaseLost says that somebody else may work on the giant object now.
var errLeaseLost = errors.New("the lease was lost")

// over is a lease that has ended whatever clocks differ by.
const over = -time.Hour

// hold keeps a lease, and the order that carried the token if any, alive until release is
// called, which also ends the lease. The context ends when the lease is lost.
func (a *Assembler) hold(ctx context.Context, id, owner string, lease time.Duration, token string) (work context.Context, release func()) {
	work, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(min(a.config.Beat, lease/3))
		defer ticker.Stop()
		for {
			select {
			case <-work.Done():
				return
			case <-ticker.C:
			}
			if held, err := a.store.Extend(work, id, owner, lease); err == nil && !held {
				cancel(errLeaseLost)
				return
			}
			if token != "" {
				if err := a.watch.Beat(work, token); errors.Is(err, ErrNotFound) {
					token = "" // the watch asks again; what is done by then it will find done
				}
			}
		}
	}()
	return work, func() {
		cancel(context.Canceled)
		<-stopped
		if _, err := a.store.Extend(context.WithoutCancel(ctx), id, owner, over); err != nil {
			a.log.Debug("a lease ends by itself", "giant", id, "error", err)
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
