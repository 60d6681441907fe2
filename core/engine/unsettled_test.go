package engine_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestFinderDoubtsCopiesOfTheDead: a copy whose worker died before its record is the same by
// ETags alone, as long as nothing has come of it: the source may have been rewritten meanwhile.
func TestFinderDoubtsCopiesOfTheDead(t *testing.T) {
	t.Parallel()
	for _, by := range []job.Compare{job.CompareAuto, job.CompareMtime, job.CompareSize} {
		for name, lost := range map[string]bool{"its message waits": false, "its message is lost": true} {
			t.Run(string(by)+", "+name, func(t *testing.T) {
				t.Parallel()
				f := comparingFleet(t)
				f.settings.Compare = by
				f.put("a", content(10, 1), driver.Attributes{})
				f.finds(1, 0)
				f.destination.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.Do(func() {
					f.put("a", content(10, 2), driver.Attributes{}) // in the same second
				})})
				f.dies()
				if lost {
					f.queue.drop("m1")
				}
				f.finds(1, 0)
				f.serve()
				f.same()
				f.finds(0, 1)
			})
		}
	}
}

// TestFinderBelievesTimesOfBefore: what the destination had before the first run that is not
// settled is compared by times as ever; so is everything once all is settled.
func TestFinderBelievesTimesOfBefore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age     time.Duration // of what was there
		settled bool
		planned int64
	}{
		"long before":            {time.Hour, false, 1},
		"at about the same time": {0, false, 2},
		"settled":                {0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := comparingFleet(t)
			f.settings.Compare = job.CompareMtime // keeps no ledger
			clock := &dial{at: time.Now().Add(-test.age)}
			f.source, f.destination = startServerAs(t, "src", memdriver.Config{Now: clock.now}), startServerAs(t, "dst", memdriver.Config{Now: clock.now})
			f.put("by another program", content(10, 1), driver.Attributes{})
			if _, err := f.destination.Put("dst", "by another program", content(10, 1), driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			clock.turn(test.age)
			f.put("b", content(10, 1), driver.Attributes{})
			f.finds(1, 1)
			if test.settled {
				f.serve()
			}
			f.finds(test.planned, 2-test.planned)
		})
	}
}
