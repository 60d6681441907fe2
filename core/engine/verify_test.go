package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

func (w *world) verify(read bool) (engine.Verification, []string) {
	w.t.Helper()
	var result engine.Verification
	var differences []string
	w.with(func(e *engine.Engine) {
		var err error
		result, err = e.Verify(w.t.Context(), read, func(d engine.Difference) { differences = append(differences, d.Kind+" "+d.Key) })
		if err != nil {
			w.t.Fatal(err)
		}
	})
	slices.Sort(differences)
	return result, differences
}

func TestVerifyFindsEveryDifference(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]bool{"stored checksums": false, "read": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, key := range []string{"equal", "missing", "other-size", "other-bytes"} {
				w.put(key, content(100, 1), driver.Attributes{})
			}
			for _, key := range []string{"large-equal", "large-other"} {
				w.put(key, content(6*minPart, 1), driver.Attributes{})
			}
			w.sync()
			if result, differences := w.verify(read); len(differences) != 0 || result.ByChecksum != 6 {
				t.Fatalf("after a sync: %v, %+v", differences, result)
			}
			w.put("missing-2", content(1, 1), driver.Attributes{})
			for key, data := range map[string][]byte{
				"extra": content(1, 1), "other-size": content(99, 1), "other-bytes": content(100, 2), "large-other": content(6*minPart, 2),
			} {
				if _, err := w.destination.Put("dst", key, data, driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
			}
			result, differences := w.verify(read)
			want := []string{"different large-other", "different other-bytes", "different other-size", "extra extra", "missing missing-2"}
			if diff := cmp.Diff(want, differences); diff != "" {
				t.Error(diff)
			}
			if result.Differences() != 5 || result.ByChecksum != 3 {
				t.Errorf("result %+v", result)
			}
		})
	}
}

func TestPlanWritesNothingAndForetells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("equal", content(100, 1), driver.Attributes{})
	w.put("changed", content(100, 1), driver.Attributes{})
	w.sync()
	w.put("changed", content(200, 1), driver.Attributes{})
	w.put("large", content(5*minPart+1, 1), driver.Attributes{})
	w.put("new", content(7, 1), driver.Attributes{})
	w.put(strings.Repeat("k", 1024), content(7, 1), driver.Attributes{})
	w.to, w.settings.ServerSide = "mem://dst/", job.ServerSideNever
	before := w.destination.Count("Put") + w.destination.Count("CreateUpload")
	var forecast engine.Forecast
	w.with(func(e *engine.Engine) {
		var err error
		if forecast, err = e.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	want := engine.Forecast{
		Listed: 5, Equal: 1, New: 3, Changed: 1, Bytes: 200 + 5*minPart + 1 + 7 + 7,
		Requests:    engine.Sides{Source: 3 + 6 + 1, Destination: 3 + 6 + 4},
		ThroughHost: "server-side is never",
	}
	if diff := cmp.Diff(want, forecast); diff != "" {
		t.Error(diff)
	}
	if after := w.destination.Count("Put") + w.destination.Count("CreateUpload"); after != before {
		t.Errorf("plan wrote %d times", after-before)
	}
	report := w.sync()
	if report.Objects.Copied != forecast.ToCopy() || report.Bytes.Copied != forecast.Bytes {
		t.Errorf("the sync copied %d objects of %d bytes, foretold were %d of %d",
			report.Objects.Copied, report.Bytes.Copied, forecast.ToCopy(), forecast.Bytes)
	}
}

// TestCompareModes: an object whose ETags say nothing is compared as asked.
func TestCompareModes(t *testing.T) {
	t.Parallel()
	tests := map[job.Compare]int64{ // objects copied again
		job.CompareAuto: 1, job.CompareSize: 0, job.CompareETag: 1, job.CompareChecksum: 1, job.CompareMtime: 0,
	}
	for mode, want := range tests {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("changed-at-destination", content(100, 1), driver.Attributes{})
			w.put("equal-in-parts", content(5*minPart, 1), driver.Attributes{})
			w.sync()
			if _, err := w.destination.Put("dst", "changed-at-destination", content(100, 2), driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			w.settings.Compare = mode
			if report := w.sync(); report.Objects.Copied != want {
				t.Errorf("copied %d, want %d", report.Objects.Copied, want)
			}
		})
	}
}
