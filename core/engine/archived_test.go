package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// archive puts three objects of the archive class, one of them restored, and one that
// is not archived.
func (w *world) archive(sizes ...int) {
	w.t.Helper()
	for i, size := range sizes {
		w.put(fmt.Sprintf("archived-%d", i), content(size, 1), driver.Attributes{StorageClass: "ARCHIVE"})
	}
	w.put("restored", content(10, 1), driver.Attributes{StorageClass: "ARCHIVE"})
	w.put("plain", content(10, 1), driver.Attributes{StorageClass: "COOL"})
	bucket := w.open(w.source.Endpoint(), "src")
	defer bucket.Close()
	if _, err := bucket.(driver.Restorer).Restore(w.t.Context(), driver.RestoreRequest{Key: "restored", Days: 1}); err != nil {
		w.t.Fatal(err)
	}
}

// checkArchived wants two archived objects counted apart and listed with the reason.
func checkArchived(t *testing.T, w *world, report *observe.Report) {
	t.Helper()
	o := report.Objects
	if o.Archived != 2 || o.Skipped != 2 || o.Failed != 0 || o.Copied != 2 || report.State != "failed" {
		t.Errorf("%s: %+v, want two copied, and two skipped as archived", report.State, o)
	}
	if len(report.Problems) != 2 {
		t.Fatalf("problems %+v", report.Problems)
	}
	for i, problem := range report.Problems {
		if problem.Key != fmt.Sprintf("archived-%d", i) || problem.Outcome != "skipped" ||
			!strings.Contains(problem.Error, "archived in class ARCHIVE") || !strings.HasSuffix(problem.Error, "; restore it first, then run again") {
			t.Errorf("problem %+v", problem)
		}
	}
	if got := w.destination.Keys("dst"); len(got) != 2 {
		t.Errorf("the destination holds %q", got)
	}
}

// TestPredecessorD7ArchivedObjects: objects of archive classes were passed over while
// listing, with no count and no word, even where they had been restored. Here restored ones
// are copied, and the others are counted and listed: without a request where the listing
// tells which is which, and after one where it does not. (Take the archived case out of
// Copier.Count: the count fails; the class out of Copier.ended or Side.Archived: the reason;
// the frozen case out of finder.want: the number of GETs.)
func TestPredecessorD7ArchivedObjects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		silent, unordered bool
		gets              int64
	}{
		"a listing that tells":         {false, false, 2},
		"an unordered one that tells":  {false, true, 2},
		"a listing that does not tell": {true, false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source = startServerAs(t, "src", memdriver.Config{SilentListings: test.silent})
			if test.unordered {
				w.listing = "unordered"
			}
			w.archive(10, 9*minPart)
			checkD7(t, w, test.gets)
		})
	}
}

func checkD7(t *testing.T, w *world, gets int64) {
	t.Helper()
	var forecast engine.Forecast
	w.with(func(e *engine.Engine) {
		var err error
		if forecast, err = e.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if forecast.Archived != 3 || forecast.New != 4 {
		t.Errorf("plan %+v, want 4 objects, 3 of them of an archive class", forecast)
	}
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkArchived(t, w, report)
	if got := report.Requests.Source["get"]; got != gets {
		t.Errorf("%d GETs, want %d", got, gets)
	}
	w.noUploads()
	bucket := w.open(w.source.Endpoint(), "src")
	defer bucket.Close()
	for i := range 2 {
		if _, err := bucket.(driver.Restorer).Restore(t.Context(), driver.RestoreRequest{Key: fmt.Sprintf("archived-%d", i), Days: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if again := w.sync(); again.Objects.Copied != 2 || again.Objects.Archived != 0 {
		t.Errorf("once restored: %+v", again.Objects)
	}
	w.same()
}

func TestArchivedInsideTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source = startServerAs(t, "src", memdriver.Config{SilentListings: true})
	w.destination = w.source
	w.source.CreateBucket("dst")
	w.from, w.settings.ServerSide = "mem://src?endpoint="+w.source.Endpoint(), job.ServerSideAuto
	w.archive(10, 9*minPart)
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkArchived(t, w, report)
	if n := w.moved(); n != 0 {
		t.Errorf("%d requests tried what the store had refused to copy", n)
	}
}
