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
