package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestWorkerRefusesMessagesOfOtherLocations: it would find none of the objects, and settle
// them as vanished. What it gives back the right workers copy.
func TestWorkerRefusesMessagesOfOtherLocations(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*fleetWorld){
		"source":               func(f *fleetWorld) { f.from = "mem://other" },
		"source's prefix":      func(f *fleetWorld) { f.from = "mem://src/a/" },
		"destination":          func(f *fleetWorld) { f.to = "mem://other" },
		"destination's prefix": func(f *fleetWorld) { f.to = "mem://dst/a/" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.source.CreateBucket("other")
			f.destination.CreateBucket("other")
			f.object("a", 10)
			f.object("b", 10)
			done := <-f.find(false)
			if done.err != nil {
				t.Fatal(done.err)
			}
			right := *f.world
			wrong(f)
			worker := f.start()
			go func() {
				if f.queue.await(t.Context(), f.queue.isEmpty) == nil { // it worked on them
					worker.stop()
				}
			}()
			err := <-worker.done
			var refusal *job.Error
			if !errors.As(err, &refusal) || !refusal.Usage || refusal.Do == "" || !strings.Contains(refusal.What, f.from+" -> "+f.to) {
				t.Errorf("error %v, want one that names %s and %s", err, f.from, f.to)
			}
			if diff := cmp.Diff(journal.Counts{}, f.total(done.report.Run)); diff != "" || f.journal.record("a").Outcome != "" {
				t.Errorf("settled (-want +got): %s", diff)
			}
			*f.world = right
			f.serve()
			f.same()
		})
	}
}

// TestWorkIsMarkedWithItsLocations whoever sends it, also where it came without a mark, as
// from a finder of an older version: that is worked on.
func TestWorkIsMarkedWithItsLocations(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.giants()
	f.put("giant", content(giantSize, 1), driver.Attributes{})
	f.source.Inject(memdriver.Fault{Call: "Get", Key: "a", Effect: memdriver.Fail(500, "InternalError")})
	marks := map[string]int{}
	f.queue.onSend = func(batch task.Batch) {
		marks[batch.Pair]++
	}
	f.send(f.object("a", 10), f.object("b", 10), task.Task{Key: "giant", Size: giantSize})
	if diff := cmp.Diff(map[string]int{"": 1}, marks); diff != "" {
		t.Fatalf("sent by hand (-want +got):\n%s", diff)
	}
	clear(marks)
	f.serve()
	if marks[""] > 0 || len(marks) != 1 {
		t.Errorf("marks of what was sent: %v, want one and the same", marks)
	}
	letters := f.queue.letters()
	if len(letters) != 1 || marks[letters[0].Batch.Pair] == 0 {
		t.Errorf("letters %+v, want one that is marked as %v", letters, marks)
	}
	if r := f.journal.record("b"); r.Outcome != journal.OutcomeDone {
		t.Errorf("record %s", r.Outcome)
	}
}

// TestEndpointsOfOneStore: a worker may reach it by another one than the finder.
func TestEndpointsOfOneStore(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.object("a", 10)
	if done := <-f.find(false); done.err != nil {
		t.Fatal(done.err)
	}
	f.rules = func(session *driver.Session) { session.Identity = "by-another-endpoint/dst" }
	f.serve()
	f.same()
}

// TestEventsOfOtherBucketsAreNotSettled: they carry no mark, but their bucket's name.
func TestEventsOfOtherBucketsAreNotSettled(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.source.CreateBucket("other")
	f.events(map[string][]driver.Event{
		"both": {{Kind: driver.EventCreated, Bucket: "src", Key: "a", Size: 10}, {Kind: driver.EventDeleted, Bucket: "src", Key: "b"}},
	})
	f.from = "mem://other"
	m := &parcelOf{foreign: []byte("both")}
	f.queue.deliver(m)
	f.serve()
	if diff := cmp.Diff(journal.Counts{}, f.total(engine.EventRun(m.sent))); diff != "" || f.journal.record("a").Outcome != "" {
		t.Errorf("settled (-want +got): %s", diff)
	}
}
