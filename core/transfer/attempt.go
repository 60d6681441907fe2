package transfer

import (
	"context"
	"errors"
	"strings"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

// insideAttempt marks the context of an attempt. The attempt as a whole is what is
// repeated, so each of its requests is made once: two layers of retries would multiply.
type insideAttempt struct{}

func isInsideAttempt(ctx context.Context) bool { return ctx.Value(insideAttempt{}) != nil }

// unit is work that is repeated as a whole under a retry policy.
type unit struct {
	policy   retry.Policy
	counters *observe.Counters
	blamed   *Side   // for what names no side
	sides    []*Side // whose exchanges the work makes

	doubted         bool  // a refusal was doubted once
	refused, hidden error // what the store said, and what it was made to look like for another attempt
}

// attempt runs work that moves bytes from side to side. The work makes its requests with
// the context that it is given. A final failure names the number of attempts.
func (c *Copier) attempt(ctx context.Context, side *Side, work func(ctx context.Context) error) error {
	u := unit{policy: c.Policy, counters: c.Counters, blamed: side, sides: []*Side{c.Source, c.Destination}}
	return u.run(ctx, work)
}

// attempt runs work that concerns this side alone.
func (s *Side) attempt(ctx context.Context, work func(ctx context.Context) error) error {
	u := unit{policy: s.policy, counters: s.counters, blamed: s, sides: []*Side{s}}
	return u.run(ctx, work)
}

func (u *unit) run(ctx context.Context, work func(ctx context.Context) error) error {
	if isInsideAttempt(ctx) {
		return work(ctx)
	}
	attempts, marked := 0, context.WithValue(ctx, insideAttempt{}, true)
	err := u.policy.Do(ctx, func(number int) error {
		attempts = number
		if number > 1 {
			u.counters.Retried.Add(1)
		}
		err := work(marked)
		if err == nil {
			return nil
		}
		return u.renewRefused(marked, err, number)
	})
	if err == nil {
		return nil
	}
	if u.hidden != nil && errors.Is(err, u.hidden) {
		err = u.refused // no attempt was left to find out with
	}
	var failure *Error
	if errors.As(err, &failure) {
		failure.Attempt = attempts
	}
	if failure != nil || IsChanged(err) || IsVanished(err) {
		return err
	}
	return u.blamed.failed(attempts, err)
}

// renewRefused has the side whose signature was refused renew its credentials. Denied
// ones may have been rotated since it was made: such a failure looks like KindExpired,
// once, while an attempt is left.
func (u *unit) renewRefused(ctx context.Context, err error, number int) error {
	u.hidden = nil
	side, failure := u.exchangeOf(err)
	switch {
	case side == nil:
		return err
	case failure.Kind == driver.KindExpired:
		side.renew(ctx, failure.Key)
		return err
	case failure.Kind != driver.KindDenied || !isExchange(failure): // the plugin itself was refused, and knows
		return err
	case u.doubted:
		side.believe()
		return err
	case number >= u.policy.Attempts || !side.doubts():
		return err
	}
	u.doubted = true
	side.renew(ctx, failure.Key)
	again := *failure
	again.Kind = driver.KindExpired
	u.refused, u.hidden = err, side.failed(0, &again)
	return u.hidden
}

// exchangeOf returns the failure of a request and the side that it was made to; nil where
// it is none of this unit's.
func (u *unit) exchangeOf(err error) (*Side, *driver.Error) {
	var located *Error
	var failure *driver.Error
	if !errors.As(err, &located) || !errors.As(err, &failure) {
		return nil, nil
	}
	for _, side := range u.sides {
		if side.Role == located.Side {
			return side, failure
		}
	}
	return nil, nil
}

// isExchange tells an answer to an exchange, whose operation is its method, from that of
// a plugin's own call.
func isExchange(failure *driver.Error) bool {
	return failure.Status != 0 && failure.Op == strings.ToUpper(failure.Op)
}
