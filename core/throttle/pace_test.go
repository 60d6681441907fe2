package throttle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/sdk/driver"
)

// refusal is a store's wish for fewer requests.
var refusal = &driver.Error{Kind: driver.KindThrottled}

// spent is how long a number of requests takes at the pace.
func spent(t *testing.T, p *throttle.Pace, requests int) time.Duration {
	t.Helper()
	begin := time.Now()
	for range requests {
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin)
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pace throttle.Pace
		pace.Observe(nil)
		pace.Observe(&driver.Error{Kind: driver.KindUnavailable})
		if took := spent(t, &pace, 100); took != 0 {
			t.Errorf("a store that refuses nothing is asked 100 times in %s", took)
		}
		pace.Observe(refusal)
		once := spent(t, &pace, 101)
		pace.Observe(refusal) // long after the first: another step
		pace.Observe(refusal) // of the same burst: no step
		twice := spent(t, &pace, 101)
		if once < 100*time.Millisecond || twice < once*5/4 || twice > once*2 {
			t.Errorf("101 requests take %s after one refusal, and %s after more", once, twice)
		}
		for range 1000 {
			<-time.After(time.Second)
			pace.Observe(refusal)
		}
		if longest := spent(t, &pace, 11); longest > 3*time.Second {
			t.Errorf("11 requests take %s: a store that refuses all would stop the run", longest)
		}
		for range 60 {
			pace.Observe(nil)
		}
		if took := spent(t, &pace, 100); took > 100*time.Millisecond {
			t.Errorf("100 requests still take %s after 60 that went well", took)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pace throttle.Pace
		pace.Observe(refusal)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = pace.Wait(ctx) // the first is held up by nobody
		if err := pace.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v", err)
		}
	})
}
