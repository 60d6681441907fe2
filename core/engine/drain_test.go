package engine_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestDrainGivesBackWhatIsNotBegun: a worker that is told to stop finishes what is in
// flight, returns the message whose other tasks it did not begin, and another one does
// the rest.
func TestDrainGivesBackWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.settings.Transfers = 1
	begun, release := make(chan struct{}), make(chan struct{})
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "a", Times: 1, Effect: memdriver.Do(func() { close(begun); <-release })})
	f.send(f.object("a", 10), f.object("b", 10), f.object("c", 10))
	worker := f.start()
	<-begun
	worker.stop()
	close(release)
	if err := <-worker.done; err != nil {
		t.Fatal(err)
	}
	if steps := f.queue.steps(); !slices.Equal(steps, []string{"send run", "return m1"}) {
		t.Errorf("done: %q", steps)
	}
	if f.journal.record("a").Outcome != journal.OutcomeDone {
		t.Error("what was in flight is not on record")
	}
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 3, Bytes: 30, GradeBoth: 3}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestDrainWaitsForMending: a worker that is told to stop while it looks at both ends once
// more ends after it has recorded what it saw, and acknowledged it.
func TestDrainWaitsForMending(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	begun, release := make(chan struct{}), make(chan struct{})
	f.journal.onAppend = func(call int, records []journal.Record) error {
		if call == 1 {
			f.journal.force(journal.Record{Key: "object", Run: "other", Message: "m0", Outcome: journal.OutcomeDone})
			f.source.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Do(func() { close(begun); <-release })})
		}
		return nil
	}
	f.send(f.object("object", 10))
	worker := f.start()
	<-begun
	worker.stop()
	if err := f.queue.await(t.Context(), func() bool { return f.queue.stops > 0 }); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-worker.done; err != nil {
		t.Fatal(err)
	}
	if steps := f.queue.steps(); !slices.Equal(steps, []string{"send run", "ack m1"}) {
		t.Errorf("done: %q", steps)
	}
}

// TestJournalFailureEndsTheWorker: work without a record is given back, and the process
// ends with the reason.
func TestJournalFailureEndsTheWorker(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	down := errors.New("the table is gone")
	f.journal.onAppend = func(int, []journal.Record) error { return down }
	f.send(f.object("a", 10), f.object("b", 10))
	if err := <-f.start().done; !errors.Is(err, down) {
		t.Fatalf("the worker ended with %v", err)
	}
	if steps := f.queue.steps(); slices.Contains(steps, "ack m1") || !slices.Contains(steps, "return m1") {
		t.Errorf("done: %q", steps)
	}
	f.journal.onAppend = nil
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 2, Bytes: 20, GradeBoth: 2}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestLostMessageIsLeftAlone: work on a message that another worker may have is given up,
// be it the first or a second look, and whoever has it next does it all.
func TestLostMessageIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{"while copying": "Get", "while mending": "Stat"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			object := f.object("object", 10)
			begun, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			if call == "Stat" {
				f.journal.onAppend = func(n int, _ []journal.Record) error {
					if n == 1 {
						f.journal.force(journal.Record{Key: "object", Run: "other", Message: "m0", Outcome: journal.OutcomeFailed})
					}
					return nil
				}
			}
			f.source.Inject(memdriver.Fault{Call: call, Times: 1, Effect: memdriver.Do(func() { close(begun) })})
			f.source.Inject(memdriver.Fault{Call: call, Times: 1, Effect: memdriver.Hold(release)})
			f.send(object)
			worker := f.start()
			<-begun
			f.queue.lose("m1")
			if err := f.queue.await(t.Context(), f.queue.isEmpty); err != nil {
				t.Fatal(err)
			}
			if err := worker.drain(); err != nil {
				t.Fatal(err)
			}
			f.same()
			if sent := f.queue.asked["send"]; sent != 2 {
				t.Errorf("%d messages were sent, want the object's and the one that looks again", sent)
			}
			if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}
