package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

var policy = retry.Policy{Attempts: 5, Base: 100 * time.Millisecond, Cap: time.Second}

func TestDoTriesAgainByKind(t *testing.T) {
	t.Parallel()
	tests := map[driver.Kind]int{
		driver.KindUnavailable: 5, driver.KindThrottled: 5, driver.KindIntegrity: 5, driver.KindExpired: 3,
		driver.KindUnknown: 1, driver.KindNotFound: 1, driver.KindDenied: 1, driver.KindPreconditionFailed: 1,
		driver.KindInvalidArgument: 1, driver.KindUnsupported: 1, driver.KindFrozen: 1, driver.KindFatal: 1,
	}
	for kind, want := range tests {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				err := policy.Do(t.Context(), func(number int) error {
					if attempts++; number != attempts {
						t.Errorf("attempt %d is told to be number %d", attempts, number)
					}
					return &driver.Error{Kind: kind}
				})
				if attempts != want || driver.KindOf(err) != kind {
					t.Errorf("%d attempts and %v, want %d", attempts, err, want)
				}
			})
		})
	}
}

func TestDoStopsAtSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := policy.Do(t.Context(), func(number int) error {
			if number < 3 {
				return &driver.Error{Kind: driver.KindUnavailable}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestDoHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ wish, least, most time.Duration }{
		"a wish":        {10 * time.Second, 10 * time.Second, 10*time.Second + policy.Base},
		"an absurd one": {24 * time.Hour, 2 * time.Minute, 2*time.Minute + policy.Base},
		"none":          {0, 0, policy.Base},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_ = policy.Do(t.Context(), func(number int) error {
					if number == 1 {
						return &driver.Error{Kind: driver.KindThrottled, RetryAfter: test.wish}
					}
					return nil
				})
				if waited := time.Since(began); waited < test.least || waited > test.most {
					t.Errorf("waited %v, want %v to %v", waited, test.least, test.most)
				}
			})
		})
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := retry.Policy{Attempts: 5, Base: time.Hour, Cap: time.Hour}.Do(ctx, func(int) error {
			return &driver.Error{Kind: driver.KindUnavailable}
		})
		if !errors.Is(err, context.DeadlineExceeded) || driver.KindOf(err) != driver.KindUnavailable {
			t.Errorf("error %v, want the failure and the deadline", err)
		}
	})
}
