package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/assembly/assemblytest"
	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// unwatched is a watch that never asks for anything: whoever copies the last part completes.
type unwatched struct{}

func (unwatched) Start(context.Context, string, int, int) error      { return nil }
func (unwatched) Succeed(context.Context, string) error              { return nil }
func (unwatched) Refuse(context.Context, string, bool, string) error { return nil }
func (unwatched) Beat(context.Context, string) error                 { return nil }

const giantSize = 6 * minPart

// giants has the fleet copy objects from giantSize on by many workers.
func (f *fleetWorld) giants() assembly.Store {
	store := assemblytest.NewMemory().Join(f.t, time.Now)
	f.adjust = func(fleet *engine.Fleet) {
		fleet.Giants = &engine.Giants{
			Threshold: giantSize, Assembly: assembly.Config{Store: store, Watch: unwatched{}, PartSize: minPart, Backoff: time.Second},
		}
	}
	return store
}

// TestGiantsAreSettledOnce: whatever comes between the object and its place on the totals,
// it counts once.
func TestGiantsAreSettledOnce(t *testing.T) {
	t.Parallel()
	copied := journal.Counts{Copied: 1, Bytes: giantSize, GradeBoth: 1}
	meanwhile := func(run, message string, outcome journal.Outcome) func(*fleetWorld) {
		return func(f *fleetWorld) {
			f.journal.onAppend = func(call int, records []journal.Record) error {
				if call > 1 {
					return nil
				}
				theirs := records[0]
				theirs.Run, theirs.Message, theirs.Outcome = run, message, outcome
				f.journal.force(theirs)
				return f.journal.Tally(f.t.Context(), journal.Tally{Run: run, Message: message, Counts: theirs.Counts()})
			}
		}
	}
	tests := map[string]struct {
		prepare func(*fleetWorld)
		want    journal.Counts
	}{
		"as sent":    {func(*fleetWorld) {}, copied},
		"sent twice": {func(f *fleetWorld) { f.send(f.object("giant", giantSize)) }, copied},
		"its tally cannot be written": {func(f *fleetWorld) {
			f.journal.onTally = func(call int) error {
				if call == 1 {
					return errors.New("throttled")
				}
				return nil
			}
		}, copied},
		"it failed before": {func(f *fleetWorld) {
			failed := journal.Record{Key: "giant", Run: fleetRun, Message: "m0", Outcome: journal.OutcomeFailed}
			f.journal.force(failed)
			_ = f.journal.Tally(f.t.Context(), journal.Tally{Run: fleetRun, Message: "m0", Counts: failed.Counts()})
		}, copied},
		"another run settled it":     {meanwhile("other", "m0", journal.OutcomeDone), journal.Counts{Equal: 1}},
		"another message settled it": {meanwhile(fleetRun, "m0", journal.OutcomeDone), copied},
		"its source is gone":         {func(f *fleetWorld) { f.gone("giant") }, journal.Counts{Vanished: 1}},
		"its source was gone before": {func(f *fleetWorld) {
			f.gone("giant")
			f.journal.force(journal.Record{Key: "giant", Run: "other", Message: "m0", Outcome: journal.OutcomeVanished})
		}, journal.Counts{Vanished: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			store := f.giants()
			object := f.object("giant", giantSize)
			test.prepare(f)
			f.send(object)
			f.serve()
			f.same()
			if diff := cmp.Diff(test.want, f.total(fleetRun)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
			if open, err := store.Unfinished(t.Context()); err != nil || len(open) > 0 {
				t.Errorf("giants left unfinished: %v, %+v", err, open)
			}
			if letters := f.queue.letters(); len(letters) > 0 {
				t.Errorf("dead letters: %+v", letters)
			}
		})
	}
}

// gone removes a source object.
func (f *fleetWorld) gone(key string) {
	f.t.Helper()
	bucket := f.open(f.source.Endpoint(), "src")
	defer bucket.Close()
	if err := bucket.Delete(f.t.Context(), driver.DeleteRequest{Key: key}); err != nil {
		f.t.Fatal(err)
	}
}

// TestGiantsThatFail are on record, and one letter tells of them, whoever else failed
// meanwhile and however often it takes to count them.
func TestGiantsThatFail(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.giants()
	f.journal.onTally = func(call int) error {
		if call == 1 {
			return errors.New("throttled")
		}
		return nil
	}
	f.destination.Inject(memdriver.Fault{Call: "Part", Times: 1, Effect: memdriver.Do(func() {
		f.journal.force(journal.Record{Key: "giant", Run: "other", Message: "m0", Outcome: journal.OutcomeFailed})
	})})
	f.destination.Inject(memdriver.Fault{Call: "Part", Effect: memdriver.Fail(403, "AccessDenied")})
	f.send(f.object("giant", giantSize))
	f.serve()
	if done := <-f.find(false); done.err != nil { // it goes on with what nobody watches
		t.Fatal(done.err)
	}
	f.noUploads()
	if record := f.journal.record("giant"); record.Outcome != journal.OutcomeFailed || record.Run != fleetRun || record.Error == "" {
		t.Errorf("record %+v", record)
	}
	if diff := cmp.Diff(journal.Counts{Failed: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	letters := f.queue.letters()
	if len(letters) != 1 || len(letters[0].Batch.Tasks) != 1 || letters[0].Batch.Tasks[0].Key != "giant" || letters[0].Reason == "" {
		t.Errorf("dead letters: %+v", letters)
	}
}

// TestFailedGiantDoesNotReplaceASuccess: where another run copied the object meanwhile,
// that is what is on record, and counts no more when this run copies a newer version.
func TestFailedGiantDoesNotReplaceASuccess(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.giants()
	object := f.object("giant", giantSize)
	f.destination.Inject(memdriver.Fault{Call: "Part", Times: 1, Effect: memdriver.Do(func() {
		etag, err := f.destination.Put("dst", "giant", content(giantSize, 1), driver.Attributes{})
		if err != nil {
			t.Error(err)
		}
		f.journal.force(journal.Record{
			Key: "giant", Run: "other", Message: "m0", Outcome: journal.OutcomeDone, Size: giantSize, SourceETag: object.ETag, DestinationETag: etag,
		})
	})})
	f.destination.Inject(memdriver.Fault{Call: "Part", Effect: memdriver.Fail(403, "AccessDenied")})
	f.send(object)
	f.serve()
	f.same()
	if record := f.journal.record("giant"); record.Outcome != journal.OutcomeDone || !record.Elsewhere {
		t.Errorf("record %+v", record)
	}
	if diff := cmp.Diff(journal.Counts{Equal: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if letters := f.queue.letters(); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	f.destination.Heal()
	f.put("giant", content(giantSize, 2), driver.Attributes{})
	f.send(task.Task{Key: "giant", Action: task.Look})
	f.serve()
	f.same()
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: giantSize, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals after a newer version (-want +got):\n%s", diff)
	}
}

// TestPartsWithoutStateMachine go back to workers that have one.
func TestPartsWithoutStateMachine(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.queue.deliver(&parcelOf{batch: task.Batch{Run: fleetRun, Parts: []task.Part{{Upload: "unknown", Number: 1}}}})
	worker := f.start()
	if err := f.queue.await(t.Context(), func() bool { return f.queue.asked["return"] > 0 }); err != nil {
		t.Fatal(err)
	}
	if err := worker.drain(); err != nil {
		t.Fatal(err)
	}
	f.giants()
	f.serve() // it knows of no such object: it is done
}

// TestPartsWaitForCredentials: a part whose store refuses expired credentials is tried
// again after a pause, and not as often as a message may be received.
func TestPartsWaitForCredentials(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.giants()
	f.destination.Inject(memdriver.Fault{Call: "Part", Times: 60, Effect: memdriver.Fail(403, "Expired")})
	f.send(f.object("giant", giantSize))
	f.serve()
	f.same()
	if returned := f.queue.asked["return"]; returned > 0 {
		t.Errorf("%d messages were returned at once", returned)
	}
	if diff := cmp.Diff(journal.Counts{Copied: 1, Bytes: giantSize, GradeBoth: 1}, f.total(fleetRun)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}
