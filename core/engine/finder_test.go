package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// found is what came of a finder.
type found struct {
	report *observe.Report
	err    error
}

// find starts a finder.
func (f *fleetWorld) find(wait bool) <-chan found {
	f.t.Helper()
	e := f.process()
	done := make(chan found, 1)
	go func() {
		report, err := e.Find(f.t.Context(), wait)
		done <- found{report, err}
	}()
	return done
}

// sentAll waits until so many messages were sent.
func (f *fleetWorld) sentAll(messages int) {
	f.t.Helper()
	if err := f.queue.await(f.t.Context(), func() bool { return f.queue.sent >= messages }); err != nil {
		f.t.Fatal(err)
	}
}

// TestFinderWaits until the workers have settled all that it found.
func TestFinderWaits(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(10, 1), driver.Attributes{})
	f.put("b", content(9*minPart, 2), driver.Attributes{})
	finder := f.find(true)
	worker := f.start()
	done := <-finder
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
	if done.err != nil || done.report.Objects.Copied != 2 || done.report.State != "done" {
		t.Fatalf("%v, report %+v", done.err, done.report)
	}
	f.same()
}

// TestFinderDoesNotWaitForLostObjects: where messages are gone and nobody works, it says
// how many objects they were of.
func TestFinderDoesNotWaitForLostObjects(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(10, 1), driver.Attributes{})
	f.put("b", content(10, 2), driver.Attributes{})
	finder := f.find(true)
	f.sentAll(1)
	f.queue.drop("m1")
	done := <-finder
	var unsettled *engine.UnsettledError
	if !errors.As(done.err, &unsettled) || unsettled.Objects != 2 || done.report.State != "failed" {
		t.Fatalf("%v, report %+v", done.err, done.report)
	}
}

// TestFinderWaitsForWhatWaits: what is held back, or with a worker, is not lost, however
// long it takes.
func TestFinderWaitsForWhatWaits(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(10, 1), driver.Attributes{})
	f.adjust = func(fleet *engine.Fleet) { fleet.Quiet = 1 } // every look finds it quiet
	looks := make(chan struct{}, 10)
	f.queue.onDepth = func() {
		select {
		case looks <- struct{}{}:
		default:
		}
	}
	finder := f.find(true)
	f.sentAll(1)
	for range 5 {
		select {
		case <-looks:
		case done := <-finder:
			t.Fatalf("it ended: %v", done.err)
		}
	}
	worker := f.start()
	if done := <-finder; done.err != nil {
		t.Fatal(done.err)
	}
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
}

// TestFinderEndsWithItsLease: when another finder took its place, and when it cannot know
// any more whether one did.
func TestFinderEndsWithItsLease(t *testing.T) {
	t.Parallel()
	down := errors.New("the table is gone")
	tests := map[string]struct {
		renewed func() (bool, error)
		want    error
	}{
		"another finder":    {func() (bool, error) { return false, nil }, engine.ErrFinderRuns},
		"it cannot be kept": {func() (bool, error) { return false, down }, down},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.put("a", content(10, 1), driver.Attributes{})
			f.adjust = func(fleet *engine.Fleet) { fleet.Lease = 50 * time.Millisecond }
			first := true
			f.journal.leases = func() (bool, error) {
				if first {
					first = false
					return true, nil
				}
				return test.renewed()
			}
			done := <-f.find(true) // nobody works: it would wait for ever
			var parked *engine.ParkedError
			if !errors.Is(done.err, test.want) || errors.As(done.err, &parked) {
				t.Errorf("it ended with %v", done.err)
			}
		})
	}
}

// TestTwoFinders: the second one does nothing while the first is at work, and can begin
// when it has ended.
func TestTwoFinders(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(10, 1), driver.Attributes{})
	first := f.find(true)
	f.sentAll(1)
	if second := <-f.find(false); !errors.Is(second.err, engine.ErrFinderRuns) || second.report != nil {
		t.Fatalf("the second finder: %v", second.err)
	}
	worker := f.start()
	if done := <-first; done.err != nil {
		t.Fatal(done.err)
	}
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
	if third := <-f.find(true); third.err != nil || third.report.Objects.Planned != 0 {
		t.Fatalf("the third finder: %v, %+v", third.err, third.report)
	}
}

// TestFinderWakesWorkersOnce, before the first batch is sent, and not at all where there
// is nothing to do.
func TestFinderWakesWorkersOnce(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	for i := range 250 { // three batches
		f.put(string(rune('a'+i%26))+string(rune('a'+i/26)), content(1, 1), driver.Attributes{})
	}
	f.adjust = func(fleet *engine.Fleet) {
		fleet.Wake = func(context.Context) error {
			f.queue.mu.Lock()
			defer f.queue.mu.Unlock()
			return f.queue.may("wake", "workers")
		}
	}
	if done := <-f.find(false); done.err != nil {
		t.Fatal(done.err)
	}
	steps := f.queue.steps()
	wakes := slices.DeleteFunc(slices.Clone(steps), func(step string) bool { return step != "wake workers" })
	if len(steps) != 4 || steps[0] != "wake workers" || len(wakes) != 1 {
		t.Errorf("done: %q", steps)
	}
	f.serve()
	before := len(f.queue.steps())
	if done := <-f.find(false); done.err != nil || len(f.queue.steps()) != before {
		t.Errorf("%v; done: %q", done.err, f.queue.steps()[before:])
	}
}

// TestFinderEndsWhereNothingCanBeSent: what was not stored is not called found.
func TestFinderEndsWhereNothingCanBeSent(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(10, 1), driver.Attributes{})
	down := errors.New("the queue is gone")
	f.queue.refuse = func(string, string, int) error { return down }
	if done := <-f.find(false); !errors.Is(done.err, down) || done.report.State != "failed" {
		t.Fatalf("%v, %+v", done.err, done.report)
	}
}

// TestFinderComparesPrefixes and nothing else, on both sides.
func TestFinderComparesPrefixes(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.from, f.to = "mem://src/in/", "mem://dst/out/"
	f.adjust = func(fleet *engine.Fleet) { fleet.Prefixes = []string{"a/", "c"} }
	for _, key := range []string{"a", "a/1", "a/2", "b", "c", "cc", "d"} {
		f.put("in/"+key, content(10, 1), driver.Attributes{})
	}
	if _, err := f.destination.Put("dst", "out/a/1", content(10, 1), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.destination.Put("dst", "out/d/extra", content(10, 1), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	done := <-f.find(false)
	if done.err != nil || done.report.Objects.Equal != 1 || done.report.Objects.Planned != 3 || done.report.Objects.Extra != 0 {
		t.Fatalf("%v, %+v", done.err, done.report.Objects)
	}
	f.serve()
	want := []string{"out/a/1", "out/a/2", "out/c", "out/cc", "out/d/extra"}
	if got := f.destination.Keys("dst"); !slices.Equal(got, want) {
		t.Errorf("destination %q, want %q", got, want)
	}
}

// TestFinderPassesOver what the listing says is archived: it is on the totals once, and not
// waited for; where a worker has another word on it meanwhile, that stays.
func TestFinderPassesOver(t *testing.T) {
	t.Parallel()
	for name, overtaken := range map[string]bool{"alone": false, "overtaken": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.put("archived", content(10, 1), driver.Attributes{StorageClass: "ARCHIVE"})
			f.put("plain", content(10, 1), driver.Attributes{})
			f.journal.force(journal.Record{Key: "archived", Run: "other", Message: "m0", Outcome: journal.OutcomeVanished, Sequencer: "7"})
			theirs := journal.Record{Key: "archived", Run: "other", Message: "m1", Outcome: journal.OutcomeDone}
			f.journal.onAppend = func(call int, _ []journal.Record) error {
				if call == 1 && overtaken {
					f.journal.force(theirs)
				}
				return nil
			}
			finder := f.find(true)
			f.sentAll(1)
			worker := f.start()
			done := <-finder
			if err := worker.drain(); err != nil {
				t.Fatal(err)
			}
			if done.err != nil {
				t.Fatal(done.err)
			}
			total, record := f.total(done.report.Run), f.journal.record("archived")
			if total.Copied != 1 || done.report.Objects.Copied != 1 {
				t.Errorf("totals %+v, report %+v", total, done.report.Objects)
			}
			if !overtaken && (total.Skipped != 1 || record.Outcome != journal.OutcomeSkipped || record.Sequencer != "7") ||
				overtaken && (total.Skipped != 0 || record.Message != "m1") {
				t.Errorf("totals %+v, record %+v", total, record)
			}
		})
	}
}
