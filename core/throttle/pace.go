package throttle

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Bounds and steps of a pace. A fifth of the requests refused at random keeps the gap about
// where it is; a store that stops refusing is back at full speed after some fifty answers.
const (
	firstGap   = 2 * time.Millisecond
	longestGap = 250 * time.Millisecond
	slower     = 1.5
	faster     = 0.9
	// settle is how long one step is given to show its effect: requests in flight are
	// refused together.
	settle = 50 * time.Millisecond
)

// Pace spaces the requests to one store that says it is asked too often, all together and
// not only those that were refused. Its zero value does not hold anybody up. It is safe for
// concurrent use.
type Pace struct {
	gap atomic.Int64 // nanoseconds between two requests; 0 for none

	mu     sync.Mutex
	next   time.Time // when the next request may start
	slowed time.Time // when the gap grew last
}

// Wait returns when the next request may start, or when ctx ends.
func (p *Pace) Wait(ctx context.Context) error {
	gap := time.Duration(p.gap.Load())
	if gap == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	start := p.next
	if start.Before(now) {
		start = now
	}
	p.next = start.Add(gap)
	p.mu.Unlock()
	timer := time.NewTimer(start.Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Observe learns from how a request ended: driver.KindThrottled makes all requests slower,
// success faster again; other failures say nothing about the pace.
func (p *Pace) Observe(err error) {
	throttled := driver.KindOf(err) == driver.KindThrottled
	if !throttled && (err != nil || p.gap.Load() == 0) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := time.Duration(p.gap.Load())
	switch {
	case !throttled:
		if gap = time.Duration(float64(gap) * faster); gap < firstGap/2 {
			gap = 0
		}
	case time.Since(p.slowed) >= settle:
		p.slowed = time.Now()
		gap = min(max(time.Duration(float64(gap)*slower), firstGap), longestGap)
	}
	p.gap.Store(int64(gap))
}
