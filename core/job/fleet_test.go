package job_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/job"
)

// TestFleetTimes: how often giant objects are looked at, and for how long what came of
// messages is kept.
func TestFleetTimes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		every, days string
		wantEvery   time.Duration
		wantDays    int
		refused     bool
	}{
		"default":      {"", "", time.Minute, 14, false},
		"said":         {"10s", "90", 10 * time.Second, 90, false},
		"most":         {"15m", "3650", 15 * time.Minute, 3650, false},
		"too seldom":   {"16m", "", 0, 0, true},
		"no time":      {"10", "", 0, 0, true},
		"too few days": {"", "13", 0, 0, true}, // a message may live longer
		"no number":    {"", "14d", 0, 0, true},
		"too many":     {"", "3651", 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := map[string]job.Value{}
			for flag, text := range map[string]string{"check-every": test.every, "status-days": test.days} {
				if text != "" {
					flags[flag] = job.Value{Text: text, Origin: job.Origin{Where: "--" + flag, Usage: true}}
				}
			}
			got, _, err := job.Input{Flags: flags}.Settings()
			if (err != nil) != test.refused {
				t.Fatalf("%v", err)
			}
			if fleet := got.Fleet; err == nil && (fleet.CheckEvery != test.wantEvery || fleet.StatusDays != test.wantDays) {
				t.Errorf("every %v for %d days, want every %v for %d", fleet.CheckEvery, fleet.StatusDays, test.wantEvery, test.wantDays)
			}
		})
	}
}
