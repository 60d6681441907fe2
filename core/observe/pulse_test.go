package observe_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/core/observe"
)

func TestPulse(t *testing.T) {
	t.Parallel()
	progress := map[string]func(*observe.Pulse, *observe.Counters){
		"beat":    func(p *observe.Pulse, _ *observe.Counters) { p.Beat() },
		"bytes":   func(_ *observe.Pulse, c *observe.Counters) { c.MovedBytes.Add(1) },
		"request": func(_ *observe.Pulse, c *observe.Counters) { c.Source.Count(observe.List) },
		"equal":   func(_ *observe.Pulse, c *observe.Counters) { c.Equal.Add(1) },
	}
	for name, happen := range progress {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				process, counters := &observe.Process{}, &observe.Counters{}
				process.Follow(counters)
				pulse := observe.NewPulse(process, 5*time.Minute)
				for range 10 {
					<-time.After(4 * time.Minute)
					happen(pulse, counters)
					if err := pulse.Health(); err != nil {
						t.Fatalf("with progress: %v", err)
					}
				}
				<-time.After(5 * time.Minute)
				if err := pulse.Health(); err != nil {
					t.Errorf("at the limit: %v", err)
				}
				<-time.After(time.Minute)
				if err := pulse.Health(); err == nil || err.Error() != "no progress for 6m0s" {
					t.Errorf("without progress: %v", err)
				}
				happen(pulse, counters)
				if err := pulse.Health(); err != nil {
					t.Errorf("after it goes on: %v", err)
				}
			})
		})
	}
}
