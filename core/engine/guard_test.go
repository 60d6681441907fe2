package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// deleting returns a world in step with two extra objects, in which all may be deleted.
func deleting(t *testing.T) *world {
	t.Helper()
	w := withExtras(t, 10, 2)
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
	return w
}

// TestGuardsOfDeletions: each guard holds all deletions back, is foretold by a plan where
// listings tell, and gives way to its own setting alone.
func TestGuardsOfDeletions(t *testing.T) {
	t.Parallel()
	failedPut := memdriver.Fault{Call: "Put", Key: "renamed", Effect: memdriver.Fail(400, "Broken")}
	for name, test := range map[string]struct {
		harm     func(*world)
		override func(*job.Settings)
		says     []string
		foretold bool
		deleted  int64 // with the setting
	}{
		"an object failed": {
			harm: func(w *world) {
				w.put("renamed", content(3, 1), driver.Attributes{})
				w.destination.Inject(failedPut)
			},
			override: func(s *job.Settings) { s.IgnoreErrors = true },
			says:     []string{"1 object not copied (failed or skipped)", "only the destination has (2 objects)", "--ignore-errors"},
			deleted:  2,
		},
		"an object is skipped": {
			harm: func(w *world) {
				w.rules = func(session *driver.Session) { session.KeyRules.NoEmptySegment = true }
				w.settings.Unmappable = job.UnmappableDrop
				w.put("a//b", content(3, 1), driver.Attributes{})
			},
			override: func(s *job.Settings) { s.IgnoreErrors = true },
			says:     []string{"1 object not copied (failed or skipped)", "--ignore-errors"},
			foretold: true,
			deleted:  2,
		},
		"the source is empty": {
			harm:     func(w *world) { w.from, w.to, w.state = "mem://src/typo/", "mem://dst", w.t.TempDir() },
			override: func(s *job.Settings) { s.AllowEmptySource = true },
			says:     []string{`bucket "src" has no object whose key begins with "typo/"`, "has there (12 objects)", "--allow-empty-source"},
			foretold: true,
			deleted:  12,
		},
		"too many": {
			harm:     func(w *world) { w.settings.MaxDelete = job.MaxDelete{Count: 1, Written: "1"} },
			override: func(s *job.Settings) { s.MaxDelete = job.MaxDelete{Count: 2, Written: "2"} },
			says:     []string{"2 of the destination's 12 objects", "--max-delete 1 allows 1"},
			foretold: true,
			deleted:  2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := deleting(t)
			test.harm(w)
			forecast := w.plan()
			if (forecast.Guard != "") != test.foretold || (forecast.Deletes == 0) != test.foretold {
				t.Errorf("the plan says guard %q, deletes %d", forecast.Guard, forecast.Deletes)
			}
			report, err := w.trySync(t.Context())
			var guard *engine.GuardError
			if !errors.As(err, &guard) || report.State != "failed" {
				t.Fatalf("state %q, error %v", report.State, err)
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) || test.foretold && !strings.Contains(forecast.Guard, text) {
					t.Errorf("error %q or the plan's %q lacks %q", err, forecast.Guard, text)
				}
			}
			if n := w.destination.Count("Delete"); n != 0 {
				t.Errorf("%d deletions", n)
			}
			test.override(&w.settings)
			report, err = w.trySync(t.Context())
			if err != nil || report.Objects.Deleted != test.deleted {
				t.Errorf("with the setting: deleted %d, want %d, %v", report.Objects.Deleted, test.deleted, err)
			}
		})
	}
}

// TestVanishedAndAdaptedHoldNothingBack: they are no failures.
func TestVanishedAndAdaptedHoldNothingBack(t *testing.T) {
	t.Parallel()
	w := deleting(t)
	w.rules = func(session *driver.Session) { session.KeyRules.NoEmptySegment = true }
	w.settings.Unmappable = job.UnmappableEncode
	w.put("a//b", content(3, 1), driver.Attributes{})
	w.put("gone", content(3, 1), driver.Attributes{})
	w.vanishing("gone")
	if report := w.sync(); report.Objects.Deleted != 2 || report.Objects.Adapted != 1 || report.Objects.Vanished != 1 {
		t.Errorf("%+v", report.Objects)
	}
}

// TestEmptySourceIsToldOf, though nothing is deleted.
func TestEmptySourceIsToldOf(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 3, 0)
	w.from, w.state = "mem://src/typo/", t.TempDir()
	want := []string{`source: bucket "src" has no object whose key begins with "typo/": check the location`}
	w.with(func(e *engine.Engine) {
		if found, err := e.Verify(t.Context(), false, func(engine.Difference) {}); err != nil || !cmp.Equal(want, found.Warnings) {
			t.Errorf("verify: warnings %q, %v", found.Warnings, err)
		}
	})
	if diff := cmp.Diff(want, w.plan().Warnings); diff != "" {
		t.Errorf("the plan's warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.sync().Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestGuardSaysWhatWasGiven in the words in which it was given.
func TestGuardSaysWhatWasGiven(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{
		"--max-delete": "--max-delete 1 allows 1", "default": "--max-delete 1 (the default) allows 1",
		"DTH_MAX_DELETE": "DTH_MAX_DELETE=1 allows 1", "dth.yaml:3:7": "max-delete: 1 (dth.yaml:3:7) allows 1",
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := deleting(t)
			w.settings.MaxDelete = job.MaxDelete{Count: 1, Written: "1"}
			w.values = map[string]job.Value{"max-delete": {Text: "1", Origin: job.Origin{Where: where}}}
			if _, err := w.trySync(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		})
	}
}

// TestGoneMeansListingAndHead: what only one of them lacks is not deleted, whatever the
// other says.
func TestGoneMeansListingAndHead(t *testing.T) {
	t.Parallel()
	w := deleting(t)
	w.put("extra-000", content(3, 1), driver.Attributes{})
	w.hidden = "extra-000" // from the source's listings
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Deleted != 1 {
		t.Errorf("deleted %d, %v", report.Objects.Deleted, err)
	}
	if _, _, err := w.destination.Get("dst", "extra-000"); err != nil {
		t.Errorf("an object that the source has was deleted: %v", err)
	}
}

// TestRefusedLookKeepsTheObject: a HEAD that is not answered proves nothing.
func TestRefusedLookKeepsTheObject(t *testing.T) {
	t.Parallel()
	w := deleting(t)
	w.source.Inject(memdriver.Fault{Call: "Stat", Key: "extra-001", Effect: memdriver.Fail(403, "AccessDenied")})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Deleted != 1 || report.Objects.Failed != 1 || report.State != "failed" {
		t.Errorf("state %q, %+v, %v", report.State, report.Objects, err)
	}
}

// TestPlanTellsConditionsOfDeletions: where a listing does not tell which archived objects were
// restored, deletions are foretold on a condition.
func TestPlanTellsConditionsOfDeletions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source = startServerAs(t, "src", memdriver.Config{SilentListings: true})
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
	w.put("cold", content(3, 1), driver.Attributes{StorageClass: "ARCHIVE"})
	for _, key := range []string{"extra-1", "extra-2"} {
		if _, err := w.destination.Put("dst", key, content(3, 1), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	forecast := w.plan()
	if forecast.Guard != "" || forecast.Deletes != 2 || !strings.Contains(forecast.DeletesIf, "archived objects that are to be copied (1) were restored") {
		t.Errorf("%+v", forecast)
	}
	var guard *engine.GuardError
	if _, err := w.trySync(t.Context()); !errors.As(err, &guard) {
		t.Errorf("error %v", err)
	}
	w.settings.IgnoreErrors = true
	if forecast := w.plan(); forecast.Deletes != 2 || forecast.DeletesIf != "" {
		t.Errorf("with --ignore-errors: %+v", forecast)
	}
}
