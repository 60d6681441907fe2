package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// undecidable returns a world in which it cannot be found out whether the source still has what
// the destination holds as %2Flead, beside an object that is extra.
func undecidable(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.rules, w.settings.Unmappable = likeCOS, job.UnmappableEncode
	w.put("plain", content(5, 2), driver.Attributes{})
	w.put("/lead", content(5, 1), driver.Attributes{})
	w.sync()
	if _, err := w.destination.Put("dst", "extra", nil, driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	w.source.Inject(memdriver.Fault{Call: "Stat", Key: "/lead", Effect: memdriver.Fail(403, "AccessDenied")})
	return w
}

// TestUndecidedExtraFails: an object that may be extra stays, is told as one that failed, and
// holds the deletion of others back. The plan says so.
func TestUndecidedExtraFails(t *testing.T) {
	t.Parallel()
	w := undecidable(t)
	w.remove("/lead")
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1}
	forecast := w.plan()
	if forecast.Deletes != 0 || !strings.Contains(forecast.Guard, "1 object not copied") || len(forecast.Warnings) != 1 || forecast.ToCopy() != 0 {
		t.Errorf("plan %+v, want a guard and a warning", forecast)
	}
	report, err := w.trySync(t.Context())
	if err == nil || !strings.Contains(err.Error(), "stopped by a guard") {
		t.Errorf("error %v, want that of the guard", err)
	}
	if o := report.Objects; o.Failed != 1 || o.Extra != 1 || o.Deleted != 0 || len(report.Problems) != 1 {
		t.Fatalf("%+v %+v, want one failed", o, report.Problems)
	}
	if problem := report.Problems[0]; problem.Key != "/lead" || problem.Outcome != journal.OutcomeFailed || !strings.Contains(problem.Error, `the destination's "%2Flead" stays`) {
		t.Errorf("%+v", problem)
	}
	w.settings.IgnoreErrors = true
	if report, err := w.trySync(t.Context()); err != nil || report.Objects.Deleted != 1 || !slices.Equal(w.destination.Keys("dst"), []string{"%2Flead", "plain"}) {
		t.Errorf("%v, %+v: the destination has %q", err, report.Objects, w.destination.Keys("dst"))
	}
	w.source.Heal()
	if report := w.sync(); report.Objects.Deleted != 1 {
		t.Errorf("%+v, want the object deleted once it is decided", report.Objects)
	}
}

// TestUndecidedExtraIsToldWithoutDelete: where nothing is deleted it is no failure, and a warning.
func TestUndecidedExtraIsToldWithoutDelete(t *testing.T) {
	t.Parallel()
	w := undecidable(t)
	w.remove("/lead")
	report := w.sync()
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "1 object of the destination could not be looked up at the source") {
		t.Errorf("warnings %q", report.Warnings)
	}
	if forecast := w.plan(); len(forecast.Warnings) != 1 || forecast.Guard != "" {
		t.Errorf("plan %+v", forecast)
	}
}

// TestListedOriginalIsNoExtra: what the source lists and does not show is there.
func TestListedOriginalIsNoExtra(t *testing.T) {
	t.Parallel()
	w := undecidable(t)
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1}
	if report := w.sync(); report.Objects.Equal != 2 || report.Objects.Deleted != 1 || len(report.Warnings) != 0 {
		t.Errorf("%+v, %q", report.Objects, report.Warnings)
	}
}
