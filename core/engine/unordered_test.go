package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestStoresThatListInNoOrder: sync, a second run, a prefix and deletions, between two
// stores that list in no order.
func TestStoresThatListInNoOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.listing = "unordered"
	w.from, w.to = "mem://src/in/", "mem://dst/in/"
	w.settings.Delete = true
	w.settings.MaxDelete = job.MaxDelete{Share: 1, Written: "100%"}
	for i := range 1200 {
		w.put(fmt.Sprintf("in/%d", i), content(i%5, byte(i)), driver.Attributes{})
	}
	w.put("in/large", content(9*minPart, 1), driver.Attributes{})
	// What the source has under longer names must not be taken for these.
	for _, key := range []string{"in/a", "in/", "in/1199x"} {
		if _, err := w.destination.Put("dst", key, []byte("extra"), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	w.put("in/aa", []byte("stays"), driver.Attributes{})
	if report := w.sync(); report.Objects.Copied != 1202 || report.Objects.Deleted != 3 {
		t.Errorf("copied %d, deleted %d, want 1202 and 3", report.Objects.Copied, report.Objects.Deleted)
	}
	w.same()
	if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != 1202 {
		t.Errorf("the second run copied %d, found %d equal", report.Objects.Copied, report.Objects.Equal)
	}
	w.put("outside", []byte("not of the prefix"), driver.Attributes{})
	w.put("in/5", content(9, 9), driver.Attributes{})
	if report := w.sync(); report.Objects.Copied != 1 {
		t.Errorf("the third run copied %d, want the one that changed", report.Objects.Copied)
	}
	if slices.Contains(w.destination.Keys("dst"), "outside") {
		t.Error("a key outside the prefix was copied")
	}
}

// TestKeyThatIsBackIsNotDeleted: an extra key that the source has again, behind many
// longer ones, stays at the destination.
func TestKeyThatIsBackIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.listing = "unordered"
	w.settings.Delete = true
	w.settings.MaxDelete = job.MaxDelete{Share: 1, Written: "100%"}
	for i := range 1500 {
		w.put(fmt.Sprintf("k%d", i), nil, driver.Attributes{})
	}
	if _, err := w.destination.Put("dst", "k", []byte("extra"), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	// Two pages are the listing; the third is the fresh look.
	w.source.Inject(memdriver.Fault{Call: "List", First: 3, Times: 1, Effect: memdriver.Do(func() {
		w.put("k", []byte("back"), driver.Attributes{})
	})})
	if report := w.sync(); report.Objects.Deleted != 0 {
		t.Errorf("deleted %d, though the source has the key again", report.Objects.Deleted)
	}
	if !slices.Contains(w.destination.Keys("dst"), "k") {
		t.Error("the key is gone")
	}
}
