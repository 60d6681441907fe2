package sqs

import (
	"context"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/retry"
)

const (
	// mostEntries and mostBytes bound a batch request:
	// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
	// In regions where a request may be of 1 MiB, one of 256 KiB costs the same by the byte.
	mostEntries = 10
	mostBytes   = 256 << 10
)

// collector gathers the entries of many callers into requests of ten.
type collector[E any] struct {
	linger  time.Duration // how long an entry waits for others
	retry   retry.Policy
	life    context.Context // of requests: those who asked for one do not share a context
	active  *tally
	size    func(E) int                        // bytes of an entry
	request func(context.Context, []E) []error // returns the outcome of each entry

	mu      sync.Mutex
	waiting []place[E]
	bytes   int
	timer   *time.Timer // sends what waits; nil when nothing does
}

// place is an entry that waits, and where its outcome goes.
type place[E any] struct {
	entry E
	done  chan error
}

// do has the entry requested, again and again as long as it fails for a while only.
// Where ctx ends meanwhile the entry may or may not have been served.
func (c *collector[E]) do(ctx context.Context, entry E) error {
	return c.follow(ctx, entry, c.join(entry))
}

// follow waits for the outcome of an entry that has joined, and lets it join again when
// that may help.
func (c *collector[E]) follow(ctx context.Context, entry E, done chan error) error {
	return c.retry.Do(ctx, func(number int) error {
		if number > 1 {
			done = c.join(entry)
		}
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			c.withdraw(done)
			return ctx.Err()
		}
	})
}

func (c *collector[E]) join(entry E) chan error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := c.size(entry); c.bytes+size > mostBytes {
		c.dispatch()
	}
	done := make(chan error, 1)
	c.waiting = append(c.waiting, place[E]{entry, done})
	c.bytes += c.size(entry)
	switch {
	case len(c.waiting) == mostEntries:
		c.dispatch()
	case c.timer == nil:
		c.timer = time.AfterFunc(c.linger, c.hurry)
	}
	return done
}

// withdraw takes an entry out that has not been sent.
func (c *collector[E]) withdraw(done chan error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, place := range c.waiting {
		if place.done == done {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			c.bytes -= c.size(place.entry)
			return
		}
	}
}

// hurry sends what waits.
func (c *collector[E]) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatch()
}

// dispatch begins a request of what waits; c.mu is held.
func (c *collector[E]) dispatch() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if len(c.waiting) == 0 {
		return
	}
	places := c.waiting
	c.waiting, c.bytes = nil, 0
	c.active.begin()
	go func() {
		defer c.active.end()
		entries := make([]E, len(places))
		for i, place := range places {
			entries[i] = place.entry
		}
		ctx, cancel := context.WithTimeout(c.life, requestTimeout)
		defer cancel()
		for i, err := range c.request(ctx, entries) {
			places[i].done <- err
		}
	}()
}

// tally counts what is under way. Unlike a sync.WaitGroup it may begin again while
// somebody waits.
type tally struct {
	mu    sync.Mutex
	count int
	calm  chan struct{} // closed when count falls to zero; nil when nobody waits
}

func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	if t.count == 0 && t.calm != nil {
		close(t.calm)
		t.calm = nil
	}
}

// idle returns a channel that is closed as soon as nothing is under way.
func (t *tally) idle() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calm == nil {
		t.calm = make(chan struct{})
	}
	calm := t.calm
	if t.count == 0 {
		close(t.calm)
		t.calm = nil
	}
	return calm
}
