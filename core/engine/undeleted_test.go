package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/event"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// deletionOfX returns a fleet that follows deletions, whose destination holds "x" and whose
// source does not: "deleted" is the notification of that. A task gets one attempt.
func deletionOfX(t *testing.T, sequencer string) *fleetWorld {
	t.Helper()
	f := newFleetWorld(t)
	f.events(map[string][]driver.Event{"deleted": {{Kind: driver.EventDeleted, Bucket: "src", Key: "x", Sequencer: sequencer}}})
	adjust := f.adjust
	f.adjust = func(fleet *engine.Fleet) { adjust(fleet); fleet.MaxDelete, fleet.Attempts = 100, 1 }
	if _, err := f.destination.Put("dst", "x", content(10, 1), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	return f
}

// deletionDay is the day of the notification.
func deletionDay() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// undeleted has the notification come to a worker that may not delete.
func (f *fleetWorld) undeleted(deliveries int) {
	f.t.Helper()
	f.destination.Inject(memdriver.Fault{Call: "Delete", Effect: memdriver.Fail(403, "AccessDenied")})
	f.queue.deliver(&parcelOf{foreign: []byte("deleted"), sent: deletionDay(), deliveries: deliveries})
	f.serve()
	f.destination.Heal()
}

// deletion checks what became of "x", as its record and the totals of the day tell it.
func (f *fleetWorld) deletion(outcome journal.Outcome, held bool, counts journal.Counts) {
	f.t.Helper()
	if record := f.journal.record("x"); record.Outcome != outcome {
		f.t.Errorf("the record is %q by %s, want %q", record.Outcome, record.Message, outcome)
	}
	if keys := f.destination.Keys("dst"); len(keys) > 0 != held {
		f.t.Errorf("the destination has %q, want it held: %t", keys, held)
	}
	if diff := cmp.Diff(counts, f.total(engine.EventRun(deletionDay()))); diff != "" {
		f.t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestRetryOfADeletionDeletes: a deletion that failed for good is on record as one, whatever
// its event had of a sequencer and whoever copied the object.
func TestRetryOfADeletionDeletes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sequencer, before string }{
		"copied by an event":   {"02", "01"},
		"copied by the finder": {"02", ""},
		"without sequencers":   {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := deletionOfX(t, test.sequencer)
			f.journal.force(journal.Record{Key: "x", Run: "other", Message: "m0", Outcome: journal.OutcomeDone, Size: 10, SourceETag: "e", Sequencer: event.Pad(test.before)})
			f.undeleted(0)
			f.deletion(journal.OutcomeFailed, true, journal.Counts{Failed: 1})
			if _, _, err := engine.SendAgain(t.Context(), f.journal, f.queue.join(), engine.EventRun(deletionDay())); err != nil {
				t.Fatal(err)
			}
			f.serve()
			f.deletion(journal.OutcomeDeleted, false, journal.Counts{Deleted: 1})
		})
	}
}

// TestSecondLookKeepsADeletion: where the message of a deletion that failed for good was
// delivered before, the second look tries to delete, and hides no failure.
func TestSecondLookKeepsADeletion(t *testing.T) {
	t.Parallel()
	f := deletionOfX(t, "02")
	f.undeleted(1)
	f.deletion(journal.OutcomeFailed, true, journal.Counts{Failed: 1})
	f = deletionOfX(t, "02")
	f.destination.Inject(memdriver.Fault{Call: "Delete", Times: 1, Effect: memdriver.Fail(403, "AccessDenied")})
	f.queue.deliver(&parcelOf{foreign: []byte("deleted"), sent: deletionDay(), deliveries: 1})
	f.serve()
	f.deletion(journal.OutcomeDeleted, false, journal.Counts{Deleted: 1})
}

// TestUndeletedHasNotVanished: where deletions are not followed any more, an object that was
// to be deleted stays a failure for as long as the destination holds it.
func TestUndeletedHasNotVanished(t *testing.T) {
	t.Parallel()
	f := deletionOfX(t, "02")
	f.undeleted(0)
	adjust := f.adjust
	f.adjust = func(fleet *engine.Fleet) { adjust(fleet); fleet.Events = event.Create }
	f.send(task.Task{Key: "x", Action: task.Look})
	f.serve()
	f.deletion(journal.OutcomeFailed, true, journal.Counts{Failed: 1})
}

// TestOneAnswerIsNoDeletion: an object that one HEAD does not find is deleted nevertheless,
// and counted, where a listing shows it or may not be made.
func TestOneAnswerIsNoDeletion(t *testing.T) {
	t.Parallel()
	for _, mayList := range []bool{true, false} {
		t.Run(fmt.Sprintf("may list: %t", mayList), func(t *testing.T) {
			t.Parallel()
			f := deletionOfX(t, "02")
			f.destination.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Fail(404, "NoSuchKey")})
			if !mayList {
				f.destination.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Fail(403, "AccessDenied")})
			}
			f.queue.deliver(&parcelOf{foreign: []byte("deleted"), sent: deletionDay()})
			f.serve()
			f.deletion(journal.OutcomeDeleted, false, journal.Counts{Deleted: 1})
		})
	}
}

// TestWhatWasNeverThereIsNotDeleted, by the counters and the limit of deletions. It leaves a
// tombstone: a PUT of a slow worker may still land. What is known to have been there counts.
func TestWhatWasNeverThereIsNotDeleted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before     journal.Record
		deliveries int
		deleted    int64
	}{
		"nothing on record": {},
		"vanished":          {before: journal.Record{Outcome: journal.OutcomeVanished}},
		"vanished, copied before": {
			before: journal.Record{Outcome: journal.OutcomeVanished, Proved: journal.Proof{SourceETag: "e"}}, deleted: 1,
		},
		"copied":               {before: journal.Record{Outcome: journal.OutcomeDone, SourceETag: "e"}, deleted: 1},
		"a copy failed":        {before: journal.Record{Outcome: journal.OutcomeFailed, SourceETag: "e"}, deleted: 1},
		"delivered before":     {deliveries: 1, deleted: 1},
		"its deletion failed":  {before: journal.Record{Outcome: journal.OutcomeFailed, Deletion: true}, deleted: 1},
		"a copy was not begun": {before: journal.Record{Outcome: journal.OutcomeSkipped}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := deletionOfX(t, "02")
			if err := f.destination.Remove("dst", "x"); err != nil {
				t.Fatal(err)
			}
			if test.before.Outcome != "" {
				test.before.Key, test.before.Run = "x", "other"
				f.journal.force(test.before)
			}
			f.queue.deliver(&parcelOf{foreign: []byte("deleted"), sent: deletionDay(), deliveries: test.deliveries})
			f.serve()
			f.deletion(journal.OutcomeDeleted, false, journal.Counts{Deleted: test.deleted})
			if n := f.destination.Count("Delete"); n != 0 || len(f.journal.spent) != 0 {
				t.Errorf("%d deletions, spent %v", n, f.journal.spent)
			}
		})
	}
}

// TestDeletionListsNothing where the object is there.
func TestDeletionListsNothing(t *testing.T) {
	t.Parallel()
	f := deletionOfX(t, "02")
	f.queue.deliver(&parcelOf{foreign: []byte("deleted"), sent: deletionDay()})
	f.serve()
	f.deletion(journal.OutcomeDeleted, false, journal.Counts{Deleted: 1})
	if n := f.destination.Count("List"); n != 0 {
		t.Errorf("%d listings of the destination", n)
	}
}
