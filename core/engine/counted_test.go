package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// copiedBy has another run copy an object.
func (f *fleetWorld) copiedBy(run string, t task.Task) {
	f.t.Helper()
	if err := f.queue.Send(f.t.Context(), task.Batch{Run: run, Tasks: []task.Task{t}}); err != nil {
		f.t.Fatal(err)
	}
	f.serve()
}

// afterFirstAck does something once, when a message is about to be acknowledged.
func (f *fleetWorld) afterFirstAck(do func()) {
	acks := 0
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	f.queue.refuse = func(did, _ string, _ int) error {
		if did == "ack" {
			if acks++; acks == 1 {
				do()
			}
		}
		return nil
	}
}

// redelivered has all messages that wait count as delivered before.
func (f *fleetWorld) redelivered() {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	for _, m := range f.queue.waiting {
		m.deliveries = 1
	}
}

// TestWhatAnotherRunSettledCountsOnce: the second look copies a newer version under the name
// of the run that had counted the object as equal.
func TestWhatAnotherRunSettledCountsOnce(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	object := f.object("a", 10)
	f.copiedBy("20261125-events", object)
	f.send(object)
	f.redelivered()
	f.afterFirstAck(func() {
		if diff := cmp.Diff(journal.Counts{Equal: 1}, f.total(fleetRun)); diff != "" {
			t.Errorf("totals before the second look (-want +got):\n%s", diff)
		}
		f.put("a", content(10, 9), driver.Attributes{})
	})
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: 10, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestWhatAnotherRunSettledCountsOnceAfterARetry: the message whose task was sent anew comes
// again.
func TestWhatAnotherRunSettledCountsOnceAfterARetry(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	object := f.object("a", 10)
	f.source.Inject(memdriver.Fault{Call: "Get", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
	f.send(object)
	f.afterFirstAck(func() {
		etag, err := f.destination.Put("dst", "a", content(10, 1), driver.Attributes{})
		if err != nil {
			t.Error(err)
		}
		f.journal.force(journal.Record{
			Key: "a", Run: "other", Message: "m0", Outcome: journal.OutcomeDone, Size: 10, SourceETag: object.ETag, DestinationETag: etag,
		})
	})
	f.serve()
	f.queue.deliver(&parcelOf{batch: task.Batch{Run: fleetRun, Tasks: []task.Task{object}}, deliveries: 1})
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Equal: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// TestFinderWaitsForWhatNobodyCopied: a message is lost, while an object of another one is
// counted again after the second look.
func TestFinderWaitsForWhatNobodyCopied(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.adjust = func(fleet *engine.Fleet) { fleet.SkipCompare = true }
	first := f.object("k000", 10)
	for i := 1; i < 101; i++ {
		f.object(fmt.Sprintf("k%03d", i), 10)
	}
	f.copiedBy("20261125-events", first)
	finder := f.find(true)
	f.sentAll(3)
	f.queue.mu.Lock()
	lost := f.queue.waiting[0].name
	if len(f.queue.waiting[0].batch.Tasks) > 1 {
		lost = f.queue.waiting[1].name
	}
	f.queue.mu.Unlock()
	f.queue.drop(lost)
	f.redelivered()
	f.afterFirstAck(func() { f.put("k000", content(10, 9), driver.Attributes{}) })
	worker := f.start()
	done := <-finder
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
	var unsettled *engine.UnsettledError
	if !errors.As(done.err, &unsettled) || unsettled.Objects != 1 {
		t.Errorf("%v, report %+v, want one object without an outcome", done.err, done.report.Objects)
	}
}

// TestTotalsOutliveLostAcknowledgements: an object fails, dth retry copies it, and one of both
// messages, or both, come again.
func TestTotalsOutliveLostAcknowledgements(t *testing.T) {
	t.Parallel()
	for name, again := range map[string][]string{"the first": {"m1"}, "the retry": {"m2"}, "both": {"m1", "m2"}, "both, the other way": {"m2", "m1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.adjust = func(fleet *engine.Fleet) { fleet.Attempts = 1 }
			tasks := []task.Task{f.object("a", 10), f.object("b", 10)}
			f.source.Inject(memdriver.Fault{Call: "Get", Key: "a", Effect: memdriver.Fail(400, "Broken")})
			f.send(tasks...)
			f.serve()
			f.source.Heal()
			if _, _, err := engine.SendAgain(t.Context(), f.journal, f.queue.join(), fleetRun); err != nil {
				t.Fatal(err)
			}
			f.serve()
			for _, name := range again {
				m := &parcelOf{name: name, batch: task.Batch{Run: fleetRun, Tasks: tasks}, deliveries: 1}
				if name == "m2" {
					m.batch.Tasks = []task.Task{{Key: "a", Action: task.Look}}
				}
				f.queue.mu.Lock()
				f.queue.waiting = append(f.queue.waiting, m)
				f.queue.note()
				f.queue.mu.Unlock()
				f.serve()
			}
			if diff := cmp.Diff(journal.Counts{Copied: 2, Bytes: 20, GradeBoth: 2}, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}
