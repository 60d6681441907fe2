package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestServeSettlesEachObjectOnce: whatever is delivered how often, both sides are equal,
// each object is counted once, and nothing is left in the queue.
func TestServeSettlesEachObjectOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*fleetWorld){
		"as sent": func(*fleetWorld) {},
		"an acknowledgement is lost": func(f *fleetWorld) {
			f.queue.refuse = func(did, message string, n int) error {
				if did == "ack" && n == 1 {
					return errors.New("no answer")
				}
				return nil
			}
		},
		"an object fails once": func(f *fleetWorld) {
			f.source.Inject(memdriver.Fault{Call: "Get", Key: "b", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
		},
		"a tally cannot be written": func(f *fleetWorld) {
			f.journal.onTally = func(call int) error {
				if call == 1 {
					return errors.New("throttled")
				}
				return nil
			}
		},
		"what must be sent cannot be": func(f *fleetWorld) {
			f.source.Inject(memdriver.Fault{Call: "Get", Key: "b", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
			f.queue.refuse = func(did, _ string, n int) error {
				if did == "send" && n == 2 { // the first is the test's own
					return errors.New("throttled")
				}
				return nil
			}
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			prepare(f)
			f.send(f.object("a", 10), f.object("b", 20), f.object("c", 9*minPart))
			f.serve()
			f.same()
			want := journal.Counts{Copied: 3, Bytes: 30 + 9*minPart, GradeBoth: 3}
			if diff := cmp.Diff(want, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
			if copied := f.counted.Copied.Load(); copied != 3 {
				t.Errorf("the worker counts %d copied objects", copied)
			}
			if letters := f.queue.letters(); len(letters) > 0 {
				t.Errorf("dead letters: %+v", letters)
			}
		})
	}
}

// TestNothingIsAcknowledgedBefore: of one message, everything else comes before the
// acknowledgement, and letters before what is tried again.
func TestNothingIsAcknowledgedBefore(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	bad, poor := f.object("bad", 10), f.object("poor", 10)
	bad.Attempt = 2 // the next failure is the last
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "bad", Effect: memdriver.Fail(500, "InternalError")})
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "poor", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
	f.journal.onTally = func(int) error { return f.queue.may("tally", "") } // it never fails here
	f.send(bad, poor)
	f.serve()
	var did []string
	for _, step := range f.queue.steps() {
		what, _, _ := strings.Cut(step, " ")
		did = append(did, what)
	}
	if diff := cmp.Diff([]string{"send", "bury", "send", "tally", "ack", "tally", "ack"}, did); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1, Failed: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestFailuresAreTriedAgainThenBuried: an object is tried as often as the fleet says; then
// its failure is on record and one letter tells of it.
func TestFailuresAreTriedAgainThenBuried(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "bad", Effect: memdriver.Fail(500, "InternalError")})
	f.send(f.object("bad", 10), f.object("good", 10))
	f.serve()
	letters := f.queue.letters()
	if len(letters) != 1 || len(letters[0].Batch.Tasks) != 1 || letters[0].Batch.Run != fleetRun {
		t.Fatalf("dead letters: %+v", letters)
	}
	if buried := letters[0].Batch.Tasks[0]; buried.Key != "bad" || buried.Attempt != 3 || buried.Reason == "" || letters[0].Reason != buried.Reason {
		t.Errorf("buried %+v", buried)
	}
	if record := f.journal.record("bad"); record.Outcome != journal.OutcomeFailed || record.Run != fleetRun || record.Error == "" {
		t.Errorf("record %+v", record)
	}
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1, Failed: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	// A letter that is sent back, once it can be copied, takes the failure off the totals.
	f.source.Heal()
	again := letters[0].Batch.Tasks[0]
	again.Attempt = 0
	f.send(again)
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 2, Bytes: 20, GradeBoth: 2}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestWaitingIsNoAttempt: an object whose upload another worker holds, or for which
// credentials are missing, waits as long as that takes.
func TestWaitingIsNoAttempt(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*fleetWorld){
		"another worker": func(f *fleetWorld) { f.journal.busy = 7 },
		"credentials": func(f *fleetWorld) {
			f.source.Inject(memdriver.Fault{Call: "Get", Times: 20, Effect: memdriver.Fail(403, "Expired")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			prepare(f)
			f.send(f.object("object", 9*minPart))
			f.serve()
			f.same()
			if letters := f.queue.letters(); len(letters) > 0 || f.queue.parked < 4 {
				t.Errorf("%d pauses, dead letters: %+v", f.queue.parked, letters)
			}
		})
	}
}

// TestSkippedObjectsAreNotTriedAgain: what cannot be copied as it is is on record at once,
// without a letter.
func TestSkippedObjectsAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "frozen", Effect: memdriver.Fail(403, "InvalidObjectState")})
	f.send(f.object("frozen", 10))
	f.serve()
	if record := f.journal.record("frozen"); record.Outcome != journal.OutcomeSkipped || !record.Archived {
		t.Errorf("record %+v", record)
	}
	if steps := f.queue.steps(); !slices.Equal(steps, []string{"send run", "ack m1"}) {
		t.Errorf("done: %q", steps)
	}
	if diff := cmp.Diff(journal.Counts{Skipped: 1, Archived: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestVanishedObjectsAreSettled: also where an earlier run has them on record as vanished,
// or as deleted, and the finder saw them again.
func TestVanishedObjectsAreSettled(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]journal.Outcome{"new": "", "before, too": journal.OutcomeVanished, "deleted by an event": journal.OutcomeDeleted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			if before != "" {
				f.journal.force(journal.Record{Key: "gone", Run: "earlier", Message: "m0", Outcome: before})
			}
			f.send(task.Task{Key: "gone", Size: 10, ETag: "e", Attempt: 1})
			f.serve()
			if diff := cmp.Diff(journal.Counts{Vanished: 1}, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEqualObjectsAreSettled: what another run has copied meanwhile counts as equal.
func TestEqualObjectsAreSettled(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	object := f.object("object", 10)
	f.send(object)
	f.serve()
	if err := f.queue.Send(t.Context(), task.Batch{Run: "next", Tasks: []task.Task{object}}); err != nil {
		t.Fatal(err)
	}
	f.serve()
	if diff := cmp.Diff(journal.Counts{Equal: 1}, f.total("next")); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}
