package lease_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/core/lease"
)

const life = 10 * time.Second

// answer is how a table answers one renewal: after a time, or never.
type answer struct {
	after time.Duration
	never bool
	lost  bool
	err   error
}

// table answers the n-th renewal, from 0 on. It holds renewals to the lease that they extend.
type table struct {
	t      *testing.T
	answer func(n int) answer

	mu    sync.Mutex
	asked int
	open  int // renewals under way
	until time.Time
}

func (s *table) renew(ctx context.Context) (bool, error) {
	s.mu.Lock()
	n, began := s.asked, time.Now()
	s.asked++
	s.open++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}()
	if deadline, bounded := ctx.Deadline(); !bounded || deadline.Sub(began) > life/2 {
		s.t.Errorf("renewal %d may take until %s, begun at %s", n, deadline, began)
	}
	a := s.answer(n)
	var answered <-chan time.Time
	if !a.never {
		answered = time.After(a.after)
	}
	select {
	case <-answered:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.err == nil && !a.lost && began.Add(life).After(s.until) {
		s.until = began.Add(life)
	}
	return !a.lost, a.err
}

var errDown = errors.New("the table is down")

func TestKeep(t *testing.T) {
	t.Parallel()
	each := func(a answer) func(int) answer { return func(int) answer { return a } }
	until := func(n int, before, after answer) func(int) answer {
		return func(i int) answer {
			if i < n {
				return before
			}
			return after
		}
	}
	for name, c := range map[string]struct {
		answer func(n int) answer
		every  time.Duration
		want   error
		cause  error
		ends   time.Duration // after it was taken; 0 never ends by itself
	}{
		"prompt answers":         {answer: each(answer{})},
		"one answer never comes": {answer: until(1, answer{never: true}, answer{})},
		"six answers never come": {answer: until(6, answer{never: true}, answer{})},
		"one in seven comes":     {answer: func(n int) answer { return answer{never: n%7 != 6} }},
		"all answers are slow":   {answer: each(answer{after: life / 3})},
		"six of seven fail":      {answer: func(n int) answer { return answer{err: map[bool]error{true: errDown}[n%7 != 6]} }},
		"no answer comes":        {answer: each(answer{never: true}), want: lease.ErrLate, cause: context.DeadlineExceeded, ends: life / 10 * 9},
		"no more answers come":   {answer: until(20, answer{}, answer{never: true}), want: lease.ErrLate, cause: context.DeadlineExceeded, ends: life/10*20 + life/10*9},
		"slow answers come, and then none": {
			answer: until(20, answer{after: life / 5}, answer{never: true}), want: lease.ErrLate, cause: context.DeadlineExceeded, ends: life/10*20 + life/10*9,
		},
		"the table is down":              {answer: each(answer{err: errDown}), want: lease.ErrLate, cause: errDown, ends: life / 10 * 8},
		"another has it":                 {answer: until(3, answer{}, answer{lost: true}), want: lease.ErrLost, ends: life / 10 * 4},
		"another has it, told in time":   {answer: until(3, answer{never: true}, answer{lost: true}), want: lease.ErrLost, ends: life / 10 * 4},
		"more often":                     {answer: each(answer{}), every: 100 * time.Millisecond},
		"more often, and one never does": {answer: until(1, answer{never: true}, answer{}), every: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &table{t: t, answer: c.answer, until: began.Add(life)}
				ctx, cancel := context.WithTimeout(t.Context(), 20*life)
				defer cancel()
				err := lease.Lease{Taken: began, Life: life, Every: c.every, Renew: s.renew}.Keep(ctx)
				took := time.Since(began)
				if !errors.Is(err, c.want) || c.want == nil && err != nil || c.cause != nil && !errors.Is(err, c.cause) {
					t.Errorf("it ended with %v, want %v, %v", err, c.want, c.cause)
				}
				if c.ends == 0 {
					c.ends = 20 * life
				}
				if took != c.ends {
					t.Errorf("it ended after %s, want %s", took, c.ends)
				}
				if !errors.Is(err, lease.ErrLost) && time.Now().After(s.until) {
					t.Errorf("it was held for %s after its end", time.Since(s.until))
				}
				if s.open != 0 {
					t.Errorf("%d renewals are still under way", s.open)
				}
			})
		})
	}
}

// A holder that is told to end while it asks a last time ends well.
func TestKeepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &table{t: t, answer: func(int) answer { return answer{never: true} }}
		ctx, cancel := context.WithTimeout(t.Context(), life/100*85)
		defer cancel()
		if err := (lease.Lease{Taken: time.Now(), Life: life, Renew: s.renew}).Keep(ctx); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

// A lease that had ended before its holder began is not kept, whatever the table says.
func TestKeepNothingThatEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &table{t: t, answer: func(int) answer { return answer{} }}
		err := lease.Lease{Taken: time.Now().Add(-life), Life: life, Renew: s.renew}.Keep(t.Context())
		if !errors.Is(err, lease.ErrLate) || s.asked != 1 {
			t.Errorf("it ended with %v after %d renewals", err, s.asked)
		}
	})
}
