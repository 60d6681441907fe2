package observe_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
)

// fill gives every counter a number of its own, times factor.
func fill(factor int64) *observe.Counters {
	counters := &observe.Counters{}
	value := reflect.ValueOf(counters).Elem()
	for i := range value.NumField() {
		if !value.Type().Field(i).IsExported() {
			continue
		}
		if counter, ok := value.Field(i).Addr().Interface().(*atomic.Int64); ok {
			counter.Store(int64(i+1) * factor)
		}
	}
	for range factor {
		counters.Source.Count(observe.Get)
		counters.Destination.Count(observe.Put)
		counters.Add(journal.Counts{GradeBoth: 1, GradeOne: 1, GradeSize: 1})
	}
	return counters
}

func totals(counters *observe.Counters) observe.Totals {
	var process observe.Process
	process.Follow(counters)
	return process.Totals()
}

func TestProcessAddsUpItsRuns(t *testing.T) {
	t.Parallel()
	var process observe.Process
	first, second := fill(1), fill(2)
	ended := process.Follow(first)
	process.Follow(second)
	want := totals(fill(3))
	for range 2 { // asking changes nothing
		if diff := cmp.Diff(want, process.Totals()); diff != "" {
			t.Errorf("totals of two runs (-want +got):\n%s", diff)
		}
	}
	ended()
	ended()
	want.InFlight = second.InFlight.Load()
	for range 2 {
		if diff := cmp.Diff(want, process.Totals()); diff != "" {
			t.Errorf("totals after the first run (-want +got):\n%s", diff)
		}
	}
}

func TestTotalsReadEveryCounter(t *testing.T) {
	t.Parallel()
	value := reflect.ValueOf(totals(fill(1)))
	var zero func(path string, v reflect.Value)
	zero = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				zero(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		default:
			if v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0 {
				t.Errorf("%s stays zero", path)
			}
		}
	}
	zero("Totals", value)
}

func TestLag(t *testing.T) {
	t.Parallel()
	var process observe.Process
	process.SetLag(3 * time.Second)
	if got := process.Lag(); got != 3*time.Second {
		t.Errorf("lag = %s", got)
	}
	process.SetLag(-time.Second) // the clocks of two machines differ
	if got := process.Lag(); got != 0 {
		t.Errorf("lag = %s", got)
	}
}

func TestCongestionControl(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tcp_congestion_control")
	if _, err := observe.CongestionControl(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	for text, want := range map[string]string{"bbr\n": "bbr", "cubic": "cubic", "\n": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := observe.CongestionControl(path); got != want || (err == nil) != (want != "") {
			t.Errorf("of %q: %q, %v", text, got, err)
		}
	}
}
