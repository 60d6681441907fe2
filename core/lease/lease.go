// Package lease keeps a lease alive while its holder works, and says in time when it
// cannot be kept.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrLost says that another holds the lease.
var ErrLost = errors.New("the lease was lost")

// ErrLate says that no renewal was answered in time: another may hold the lease by now.
var ErrLate = errors.New("the lease could not be renewed in time")

// How a lease's life is spent, in tenths of it. Renewals begin with the first and do not
// wait for each other, so that neither an answer that never comes nor answers that all
// come late lose a lease: a renewal each tenth, of which each has four to be answered in.
// With the eighth the holder asks a last time, for a tenth, and ends. The rest is for its
// work to end in. Others add what clocks may differ by, see dynamo.ClockMargin.
const (
	tenths   = 10
	patience = 4 // of one renewal
	safe     = 8 // the holder counts on the lease
)

// atOnce is how many renewals are under way at most: a tenth more than each may take.
const atOnce = patience + 1

// Lease is a lease that its holder has taken.
type Lease struct {
	Taken time.Time     // when it was asked for, by a monotonic clock
	Life  time.Duration // from then on
	Every time.Duration // between renewals where that is less than a tenth of Life; 0 means a tenth

	// Renew makes the lease last for its life from now on. It returns false where another
	// holds it. Calls overlap, and one that is answered late must not shorten the lease.
	Renew func(ctx context.Context) (held bool, err error)
	// Warn is told of renewals that failed; it may be nil.
	Warn func(err error)
}

// renewal is the outcome of one.
type renewal struct {
	began time.Time
	held  bool
	err   error
}

// Keep renews the lease until ctx ends; then it returns nil. It returns ErrLost where
// another holds it, and ErrLate, with the reason, before the lease can be another's
// without the holder's knowing. No renewal is under way when it returns.
func (l Lease) Keep(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var attempts sync.WaitGroup
	defer attempts.Wait()
	defer cancel()
	taken := l.Taken
	ended := time.NewTimer(time.Until(l.end(taken)))
	defer ended.Stop()
	ticker := time.NewTicker(l.every())
	defer ticker.Stop()
	renewed := make(chan renewal, atOnce)
	underWay, late := 0, context.DeadlineExceeded
	for {
		due := false
		var got renewal
		select {
		case <-ctx.Done():
			return nil
		case got = <-renewed:
		case <-ticker.C:
			due = underWay < atOnce
		case <-ended.C:
			select {
			case got = <-renewed: // the process itself was held up, and the answer was not
			default: // once more, as long as the lease lasts: the process may not have come to it
				underWay++
				if got = l.renew(ctx, 1); got.held && got.err == nil && time.Since(taken) < l.Life || !got.held && got.err == nil {
					break
				}
				if ctx.Err() != nil {
					return nil
				}
				if got.err != nil {
					late = got.err
				}
				return fmt.Errorf("%w: %w", ErrLate, late)
			}
		}
		switch {
		case due:
			underWay++
			attempts.Go(func() { renewed <- l.renew(ctx, patience) })
			continue
		case got.began.IsZero(), ctx.Err() != nil:
			continue
		}
		underWay--
		switch {
		case got.err != nil:
			if late = got.err; l.Warn != nil {
				l.Warn(got.err)
			}
		case !got.held:
			return ErrLost
		case got.began.After(taken):
			taken, late = got.began, context.DeadlineExceeded
		}
		ended.Reset(time.Until(l.end(taken)))
	}
}

func (l Lease) every() time.Duration {
	tenth := max(l.Life/tenths, 1)
	if l.Every > 0 {
		return min(l.Every, tenth)
	}
	return tenth
}

// end is when the holder of a lease taken at a time stops to count on it.
func (l Lease) end(taken time.Time) time.Time { return taken.Add(l.Life / tenths * safe) }

// renew makes one renewal, which gives up after some tenths of the lease.
func (l Lease) renew(ctx context.Context, tenth int) renewal {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.Life*time.Duration(tenth)/tenths)
	defer cancel()
	held, err := l.Renew(ctx)
	return renewal{began, held, err}
}
