package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// withExtras returns a world in step, whose destination has extra objects.
func withExtras(t *testing.T, common, extra int) *world {
	t.Helper()
	w := newWorld(t)
	for i := range common {
		w.put(fmt.Sprintf("common-%03d", i), content(3, byte(i)), driver.Attributes{})
	}
	w.sync()
	for i := range extra {
		if _, err := w.destination.Put("dst", fmt.Sprintf("extra-%03d", i), content(3, 1), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func TestSyncDeletesNothingUnlessTold(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 10, 3)
	report := w.sync()
	if report.Objects.Extra != 3 || report.Objects.Deleted != 0 || len(w.destination.Keys("dst")) != 13 {
		t.Errorf("extra %d, deleted %d, destination has %d", report.Objects.Extra, report.Objects.Deleted, len(w.destination.Keys("dst")))
	}
}

func TestSyncDeletesExtrasWhenTold(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 30, 3)
	w.settings.Delete = true
	if report := w.sync(); report.Objects.Deleted != 3 {
		t.Errorf("deleted %d, want 3", report.Objects.Deleted)
	}
	w.same()
}

func TestMaxDeleteStopsBeforeTheFirstDeletion(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 10, 3)
	w.settings.Delete = true
	_, err := w.trySync(t.Context())
	var guard *engine.GuardError
	if !errors.As(err, &guard) || !strings.Contains(err.Error(), "3 of the destination's 13 objects") || !strings.Contains(err.Error(), "--max-delete 10% allows 1") {
		t.Errorf("error %v", err)
	}
	if n := w.destination.Count("Delete"); n != 0 {
		t.Errorf("%d deletions", n)
	}
	w.settings.MaxDelete = job.MaxDelete{Count: 3, Written: "3"}
	if report := w.sync(); report.Objects.Deleted != 3 {
		t.Errorf("deleted %d, want 3", report.Objects.Deleted)
	}
}

// TestNothingIsDeletedAfterABrokenListing: a source listing that breaks off
// looks like deletions and must not cause any.
func TestNothingIsDeletedAfterABrokenListing(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 1500, 1)
	w.settings.Delete = true
	w.settings.MaxDelete = job.MaxDelete{Share: 1, Written: "100%"}
	w.source.Inject(memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Fail(403, "AccessDenied")})
	if _, err := w.trySync(t.Context()); driver.KindOf(err) != driver.KindDenied {
		t.Errorf("error %v, want the denied listing", err)
	}
	if n := w.destination.Count("Delete"); n != 0 {
		t.Errorf("%d deletions", n)
	}
}

// TestObjectThatCameBackIsNotDeleted: the fresh look at the source counts, not
// the listing.
func TestObjectThatCameBackIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 30, 1)
	w.settings.Delete = true
	// The second listing request to the source is the fresh look.
	w.source.Inject(memdriver.Fault{Call: "List", First: 2, Times: 1, Effect: memdriver.Do(func() {
		w.put("extra-000", content(3, 1), driver.Attributes{})
	})})
	if report := w.sync(); report.Objects.Deleted != 0 || len(w.destination.Keys("dst")) != 31 {
		t.Errorf("deleted %d, destination has %d", report.Objects.Deleted, len(w.destination.Keys("dst")))
	}
}

// TestMissingBucketIsNotAnEmptySource: no source bucket is an error, never a
// reason to delete.
func TestMissingBucketIsNotAnEmptySource(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 3, 1)
	w.settings.Delete = true
	w.settings.MaxDelete = job.MaxDelete{Share: 1, Written: "100%"}
	w.from, w.state = "mem://missing", t.TempDir()
	_, err := w.trySync(t.Context())
	if driver.KindOf(err) != driver.KindNotFound || !strings.HasPrefix(err.Error(), `source: bucket "missing"`) || !strings.Contains(err.Error(), "create the bucket") {
		t.Errorf("error %v", err)
	}
	if n := w.destination.Count("Delete"); n != 0 {
		t.Errorf("%d deletions", n)
	}
}

// TestUndeletedBesideItsNamesake: an object that cannot be deleted, and one of the source whose
// key is the same text, which both fail, are told both, and a retry takes both again.
func TestUndeletedBesideItsNamesake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules, w.settings.Unmappable = likeCOS, job.UnmappableEncode
	w.put("/lead", content(5, 1), driver.Attributes{})   // written as %2Flead
	w.put("%2Flead", content(5, 2), driver.Attributes{}) // written as %252Flead
	w.sync()
	w.remove("/lead")
	w.put("%2Flead", content(5, 3), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", Key: "%2Flead", Effect: memdriver.Fail(403, "AccessDenied")})
	w.destination.Inject(memdriver.Fault{Call: "Delete", Key: "%2Flead", Effect: memdriver.Fail(403, "AccessDenied")})
	w.settings.Delete, w.settings.MaxDelete, w.settings.IgnoreErrors = true, job.MaxDelete{Share: 1}, true
	first, err := w.trySync(t.Context())
	if err != nil || first.Objects.Failed != 2 || len(first.Problems) != 2 {
		t.Fatalf("%v, %+v: %+v, want two that failed, and both named", err, first.Objects, first.Problems)
	}
	if deletion := first.Problems[1]; deletion.Key != "/lead" || !strings.Contains(deletion.Error, `"%2Flead"`) {
		t.Errorf("%+v, want the object that was the copy of /lead", deletion)
	}
	w.source.Heal()
	w.destination.Heal()
	again, err := w.retry(first.Run)
	if err != nil || again.Objects.Copied != 1 || again.Objects.Failed != 1 || len(again.Problems) != 1 ||
		!strings.Contains(again.Problems[0].Error, `only the destination has "%2Flead", and retry deletes nothing`) {
		t.Errorf("%v, %+v: %+v, want one copied and the deletion told again", err, again.Objects, again.Problems)
	}
	if once, err := w.retry(again.Run); err != nil || once.Objects.Failed != 1 {
		t.Errorf("%v, %+v: a retry of the retry forgot the deletion", err, once.Objects)
	}
	if last := w.sync(); last.Objects.Deleted != 1 {
		t.Errorf("%+v, want it deleted", last.Objects)
	}
	if again, err := w.retry(first.Run); err != nil || again.State != "done" {
		t.Errorf("%v, %+v: it is gone", err, again)
	}
}
