package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestForeignMessages: notifications become work, deletions keep to the limit of the hour,
// and what nobody understands becomes one letter with its body.
func TestForeignMessages(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.events(map[string][]driver.Event{
		"created": {{Kind: driver.EventCreated, Bucket: "src", Key: "a", Size: 10, Sequencer: "01"}},
		"deleted": {
			{Kind: driver.EventDeleted, Bucket: "src", Key: "x", Sequencer: "02"},
			{Kind: driver.EventDeleted, Bucket: "src", Key: "y", Sequencer: "02"},
			{Name: "odd", Key: "z", Problem: "it has no kind"},
		},
	})
	f.object("a", 10)
	for _, key := range []string{"x", "y"} {
		if _, err := f.destination.Put("dst", key, content(10, 1), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	day := time.Date(2026, 11, 20, 23, 59, 59, 0, time.UTC)
	for _, body := range []string{"created", "garbage", "deleted"} {
		f.queue.deliver(&parcelOf{foreign: []byte(body), sent: day})
	}
	worker := f.start()
	// The deletion beyond the limit waits; nothing else is left.
	if err := f.queue.await(t.Context(), func() bool {
		return f.queue.parked >= 3 || f.queue.isEmpty() // the hour may just have ended
	}); err != nil {
		t.Fatal(err)
	}
	f.journal.allow(2)
	if err := f.queue.await(t.Context(), f.queue.isEmpty); err != nil {
		t.Fatal(err)
	}
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1, Deleted: 2}, f.total(engine.EventRun(day))); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	for _, letter := range f.queue.letters() {
		if body := string(letter.Foreign); body != "garbage" && body != "deleted" || letter.Reason == "" {
			t.Errorf("letter %q: %q", body, letter.Reason)
		}
	}
}

func ExampleEventRun() {
	fmt.Println(engine.EventRun(time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)))
	// Output: 20261125-events
}
