// Package retry is the one place that decides whether and when something is
// tried again.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Policy says how often and how patiently to try.
type Policy struct {
	Attempts int           // at most, the first included
	Base     time.Duration // wait before the second attempt, on average half of it
	Cap      time.Duration // longest wait between attempts, unless the store asks for more
}

// Default rides out about two minutes of a store's trouble.
var Default = Policy{Attempts: 8, Base: 200 * time.Millisecond, Cap: 30 * time.Second}

// expiredAttempts bounds tries after KindExpired: a fresh signature either
// helps at once or the credentials are gone.
const expiredAttempts = 3

// longestWish bounds a store's Retry-After, so that a wrong one cannot stop a run.
const longestWish = 2 * time.Minute

// Do calls attempt until it succeeds, fails for good, or the policy is used
// up; attempts count from 1. Only errors whose driver.Kind is retriable are
// tried again. It returns the last error; when ctx ends while waiting, also that.
func (p Policy) Do(ctx context.Context, attempt func(number int) error) error {
	return p.DoWhile(ctx, func(int) bool { return true }, attempt)
}

// DoWhile is as Do, but after a failure goesOn is asked, with the number of the attempt
// that failed, whether another one promises anything.
func (p Policy) DoWhile(ctx context.Context, goesOn func(number int) bool, attempt func(number int) error) error {
	expired := 0
	for number := 1; ; number++ {
		err := attempt(number)
		if err == nil || ctx.Err() != nil {
			return err
		}
		kind := driver.KindOf(err)
		if kind == driver.KindExpired {
			expired++
		}
		if !kind.Retriable() || number >= p.Attempts || expired >= expiredAttempts || !goesOn(number) {
			return err
		}
		timer := time.NewTimer(p.wait(number, err))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}

// wait grows exponentially with full jitter, so that many workers do not
// return at once, and never undercuts the store's Retry-After.
func (p Policy) wait(number int, err error) time.Duration {
	if driver.KindOf(err) == driver.KindExpired {
		return 0
	}
	ceiling := p.Cap
	if shift := number - 1; shift < 20 && p.Base<<shift < p.Cap {
		ceiling = p.Base << shift
	}
	wait := rand.N(ceiling + 1)
	var failure *driver.Error
	if errors.As(err, &failure) && failure.RetryAfter > wait {
		wait = min(failure.RetryAfter, longestWish) + rand.N(p.Base+1)
	}
	return wait
}
