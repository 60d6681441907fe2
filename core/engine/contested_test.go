package engine_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestConflictsAreMended: a record that somebody else wrote meanwhile has both ends looked
// at again, and the object is counted once, whoever wrote it for which run.
func TestConflictsAreMended(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		run, message string
		outcome      journal.Outcome
		want         journal.Counts
	}{
		"another run":                {"other", "m0", journal.OutcomeDone, journal.Counts{Equal: 1}},
		"another message":            {fleetRun, "m0", journal.OutcomeDone, journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}},
		"another message, a failure": {fleetRun, "m0", journal.OutcomeFailed, journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.journal.onAppend = func(call int, records []journal.Record) error {
				if call > 1 {
					return nil
				}
				theirs := records[0]
				theirs.Run, theirs.Message, theirs.Outcome, theirs.Error = test.run, test.message, test.outcome, "theirs"
				f.journal.force(theirs)
				return f.journal.Tally(t.Context(), journal.Tally{Run: test.run, Message: test.message, Counts: theirs.Counts()})
			}
			f.send(f.object("object", 10))
			f.serve()
			f.same()
			if diff := cmp.Diff(test.want, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTwoMessagesOfOneKeyInOneWorker: two copies of a key that overlap are never both taken
// for the last one, even where one process makes them and records them together.
func TestTwoMessagesOfOneKeyInOneWorker(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	object := f.object("object", 10)
	first, second := make(chan struct{}), make(chan struct{})
	meet := func(mine, other chan struct{}) memdriver.Effect {
		return memdriver.Do(func() { close(mine); <-other })
	}
	f.source.Inject(memdriver.Fault{Call: "Get", First: 1, Times: 1, Effect: meet(first, second)})
	f.source.Inject(memdriver.Fault{Call: "Get", First: 2, Times: 1, Effect: meet(second, first)})
	f.send(object)
	f.send(object)
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestFailureDoesNotReplaceASuccess: a worker whose last attempt failed while another one
// copied the object looks again, rather than to record the failure.
func TestFailureDoesNotReplaceASuccess(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	object := f.object("object", 10)
	last := object
	last.Attempt = 2
	f.source.Inject(memdriver.Fault{Call: "Get", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
	f.journal.onAppend = func(call int, records []journal.Record) error {
		if call == 1 { // of the failure
			f.journal.force(journal.Record{Key: "object", Run: "other", Message: "m0", Outcome: journal.OutcomeDone, SourceETag: object.ETag})
		}
		return nil
	}
	f.send(last)
	f.serve()
	f.same()
	if record := f.journal.record("object"); record.Outcome != journal.OutcomeDone {
		t.Errorf("record %+v", record)
	}
	if letters := f.queue.letters(); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

// TestDuplicatesAreLookedAtAgain: a message that was delivered before has each of its keys
// looked at once more, later, and that is the end of it.
func TestDuplicatesAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.queue.deliver(&parcelOf{batch: task.Batch{Run: fleetRun, Tasks: []task.Task{f.object("object", 10)}}, deliveries: 1})
	f.serve()
	f.same()
	if steps := f.queue.steps(); !slices.Equal(steps, []string{"send run", "ack m1", "ack m2"}) {
		t.Errorf("done: %q", steps)
	}
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestRetryAndLookOfOneKey: where what is tried again and what is looked at again wait
// equally long, they are in one message, and the object is counted once.
func TestRetryAndLookOfOneKey(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.adjust = func(fleet *engine.Fleet) { fleet.LookAgain = fleet.RetryAfter }
	f.source.Inject(memdriver.Fault{Call: "Get", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
	f.queue.deliver(&parcelOf{batch: task.Batch{Run: fleetRun, Tasks: []task.Task{f.object("object", 10)}}, deliveries: 1})
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}
