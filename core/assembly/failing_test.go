package assembly_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// reported checks that nothing arrived and that the object was settled as failed, for a
// reason that says so much.
func (f *fleet) reported(key, reason string) {
	f.t.Helper()
	if keys := f.destination.Keys("dst"); len(keys) > 0 {
		f.t.Errorf("the destination holds %q", keys)
	}
	if got := f.outcome(key); got.Outcome != journal.OutcomeFailed || !strings.Contains(got.Error, reason) {
		f.t.Errorf("settled as %s for %q, want failed for %q", got.Outcome, got.Error, reason)
	}
	f.clean()
}

// attempts returns the highest number of failures that a part carried.
func (f *fleet) attempts() (most int) {
	for _, batch := range f.queue.log {
		for _, part := range batch.Parts {
			most = max(most, part.Attempt)
		}
	}
	return most
}

func TestPartThatFailsForEverEndsTheObject(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "Part", First: 3, Effect: memdriver.Fail(503, "SlowDown")})
	f.send(f.put("giant", content(4*partSize, 1)))
	f.work()
	f.reported("giant", "SlowDown")
	if got := f.attempts(); got != 4 {
		t.Errorf("parts failed %d times before the last, want 4", got)
	}
}

func TestPartThatIsDeniedEndsTheObjectAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "Part", First: 3, Effect: memdriver.Fail(403, "AccessDenied")})
	f.send(f.put("giant", content(4*partSize, 1)))
	f.work()
	f.reported("giant", "AccessDenied")
	if got := f.attempts(); got != 0 {
		t.Errorf("a denied part was tried again, %d times", got)
	}
}

func TestUploadThatCannotBeBegunIsTheTasksFailure(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]memdriver.Fault{
		"denied":      {Call: "CreateUpload", Effect: memdriver.Fail(403, "AccessDenied")},
		"unavailable": {Call: "CreateUpload", Effect: memdriver.Fail(503, "SlowDown")},
		"answer lost": {Call: "CreateUpload", Effect: memdriver.LoseAnswer()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.destination.Inject(fault)
			f.send(f.put("giant", content(4*partSize, 1)))
			f.work()
			f.reported("giant", "CreateUpload")
		})
	}
}

// TestRefusedTaskThatComesAgainIsTriedAgain: the caller may have died before it wrote the
// failure down, so the same message begins the object anew.
func TestRefusedTaskThatComesAgainIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "CreateUpload", Times: 1, Effect: memdriver.Fail(403, "AccessDenied")})
	object := f.put("giant", content(4*partSize, 1))
	worker := f.start()
	if record, err := worker.Split(worker.ctx, object, run, "message", 7); record.Outcome != journal.OutcomeFailed || err == nil {
		t.Fatalf("%+v, %v, want a failure", record, err)
	}
	if record, err := worker.Split(worker.ctx, object, run, "message", 7); record.Outcome != "" || err != nil {
		t.Fatalf("%+v, %v, want a new beginning", record, err)
	}
	f.work()
	f.same()
}

// TestSourceThatChangesIsPlannedAgain rewrites the object before each of its requests in
// turn: the new version arrives, whole.
func TestSourceThatChangesIsPlannedAgain(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"as long": 4 * partSize, "longer": 6*partSize + 1, "shorter": partSize / 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for request := 1; request <= 5; request++ {
				f := newFleet(t)
				old := f.put("giant", content(4*partSize, 1))
				f.source.Inject(memdriver.Fault{Call: "Get", First: request, Times: 1, Effect: memdriver.Do(func() { f.put("giant", content(size, 2)) })})
				f.send(old)
				f.work()
				f.same()
				if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.SourceETag == old.ETag || got.Replans != 1 {
					t.Errorf("request %d: settled as %+v, want the new version", request, got)
				}
			}
		})
	}
}

func TestSourceThatKeepsChangingIsReported(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	version := byte(0)
	f.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Do(func() {
		version++
		if _, err := f.source.Put("src", "giant", content(4*partSize, version), driver.Attributes{}); err != nil {
			t.Error(err)
		}
	})})
	f.send(f.put("giant", content(4*partSize, 0)))
	f.work()
	f.reported("giant", "changed")
}

func TestSourceThatVanishes(t *testing.T) {
	t.Parallel()
	for request := 1; request <= 5; request++ {
		f := newFleet(t)
		object := f.put("giant", content(4*partSize, 1))
		remover := f.side("source", f.source, "src", &observe.Counters{})
		f.source.Inject(memdriver.Fault{Call: "Get", First: request, Times: 1, Effect: memdriver.Do(func() {
			if err := remover.Delete(t.Context(), "giant"); err != nil {
				t.Error(err)
			}
		})})
		f.send(object)
		f.work()
		f.same()
		if got := f.outcome("giant"); got.Outcome != journal.OutcomeVanished {
			t.Errorf("request %d: settled as %+v, want vanished", request, got)
		}
	}
}

// TestUploadThatTheDestinationLostIsBegunAnew aborts the upload behind our back before each
// request in turn.
func TestUploadThatTheDestinationLostIsBegunAnew(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Part", "ListParts", "CompleteUpload"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			lifecycle := f.side("destination", f.destination, "dst", &observe.Counters{})
			f.destination.Inject(memdriver.Fault{Call: call, Times: 1, Effect: memdriver.Do(func() {
				for _, upload := range f.destination.Uploads("dst") {
					if err := lifecycle.AbortUpload(t.Context(), upload.Key, upload.ID); err != nil {
						t.Error(err)
					}
				}
			})})
			f.send(f.put("giant", content(4*partSize, 1)))
			f.work()
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Replans != 1 {
				t.Errorf("settled as %+v, want done in the second beginning", got)
			}
		})
	}
}

// begun has a worker take the task, and returns the worker and the giant's ID.
func (f *fleet) begun(object task.Task) (process, string) {
	f.t.Helper()
	worker := f.start()
	if record, err := worker.Split(worker.ctx, object, run, "message", 7); err != nil || record.Outcome != "" {
		f.t.Fatalf("split: %+v, %v", record, err)
	}
	return worker, assembly.NewID(object.Key, object.ETag, object.VersionID, run, object.Attempt)
}

// TestPartsThatTheDestinationLostAreCopiedAgain: parts on record that the store does not
// hold are sent again; nothing is given up for them.
func TestPartsThatTheDestinationLostAreCopiedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	_, id := f.begun(f.put("giant", content(4*partSize, 1)))
	for _, number := range []int{2, 4} {
		if _, err := f.store.RecordPart(t.Context(), id, journal.Part{Number: number, Size: partSize, ETag: "lost"}); err != nil {
			t.Fatal(err)
		}
	}
	f.work()
	f.same()
	if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Replans != 0 {
		t.Errorf("settled as %+v, want done at once", got)
	}
}

// TestPartThatComesWhileOthersCompleteIsKept: whoever completes may find that the destination
// lost this very part, so its message must not be the last one.
func TestPartThatComesWhileOthersCompleteIsKept(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker, id := f.begun(f.put("giant", content(partSize, 1)))
	m, _ := f.queue.take()
	if _, err := f.store.RecordPart(t.Context(), id, journal.Part{Number: 1, Size: partSize, ETag: "lost"}); err != nil {
		t.Fatal(err)
	}
	if _, mine, err := f.store.Claim(t.Context(), id, assembly.Ready, assembly.Completing, "another", time.Minute); err != nil || !mine {
		t.Fatalf("claim: %v, %v", mine, err)
	}
	f.deliver(worker, m)
	if f.queue.isEmpty() {
		t.Fatal("the part was acknowledged")
	}
	if err := f.store.DropParts(t.Context(), id, []int{1}); err != nil {
		t.Fatal(err)
	}
	f.work()
	f.same()
}

// TestBytesDamagedOnTheWayAreCopiedAgain: only the sum of all parts can be compared with
// what the source states, and the object is there by then. It does not stay so.
func TestBytesDamagedOnTheWayAreCopiedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.source.Inject(memdriver.Fault{Call: "Get", First: 3, Times: 1, Effect: memdriver.CorruptAnswer(10)})
	f.send(f.put("giant", content(3*partSize, 1)))
	f.work()
	f.same()
	if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Replans != 1 || got.Grade != journal.GradeBoth {
		t.Errorf("settled as %+v, want done in the second beginning", got)
	}
}

// forgetful is a store of records whose parts never are what the destination holds.
type forgetful struct{ assembly.Store }

func (s forgetful) RecordPart(ctx context.Context, id string, part journal.Part) (assembly.Progress, error) {
	part.ETag = "another"
	return s.Store.RecordPart(ctx, id, part)
}

func TestPartsThatAreAlwaysLostAreReported(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.wrap = func(s assembly.Store) assembly.Store { return forgetful{s} }
	f.send(f.put("giant", content(4*partSize, 1)))
	f.work()
	f.reported("giant", "lost parts")
}

// TestCompletionWhoseAnswerIsLost: the store completes, the answer is lost, and it knows
// no such upload when asked again. That is a success, in the same process and in the
// next one, and the evidence is that of any other.
func TestCompletionWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]memdriver.Fault{
		"once":                   {{Call: "CompleteUpload", Times: 1, Effect: memdriver.LoseAnswer()}},
		"and the look at it too": {{Call: "CompleteUpload", Times: 1, Effect: memdriver.LoseAnswer()}, {Call: "Stat", Times: 3, Effect: memdriver.Fail(503, "SlowDown")}},
		"until the next process": {{Call: "CompleteUpload", Times: 1, Effect: memdriver.LoseAnswer()}, {Call: "Stat", Times: 9, Effect: memdriver.Fail(503, "SlowDown")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			for _, fault := range faults {
				f.destination.Inject(fault)
			}
			f.send(f.put("giant", content(4*partSize, 1)))
			f.work()
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Grade != journal.GradeBoth || got.Replans != 0 {
				t.Errorf("settled as %+v, want done at once with evidence from both ends", got)
			}
		})
	}
}

// TestForeignObjectIsNoCompletion: what somebody else wrote under the key is not taken for ours.
func TestForeignObjectIsNoCompletion(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	foreign := content(4*partSize, 9)
	lifecycle := f.side("destination", f.destination, "dst", &observe.Counters{})
	f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Do(func() {
		for _, upload := range f.destination.Uploads("dst") {
			if err := lifecycle.AbortUpload(t.Context(), upload.Key, upload.ID); err != nil {
				t.Error(err)
			}
		}
		if _, err := f.destination.Put("dst", "giant", foreign, driver.Attributes{}); err != nil {
			t.Error(err)
		}
	})})
	f.send(f.put("giant", content(4*partSize, 1)))
	f.work()
	f.same()
	if _, got, err := f.destination.Get("dst", "giant"); err != nil || bytes.Equal(got, foreign) {
		t.Errorf("the foreign object was taken for ours: %v", err)
	}
}

// moody settles only after some failures.
type moody struct {
	assembly.Settler
	failures int
}

func (m *moody) Settle(ctx context.Context, upload assembly.Upload, record journal.Record) error {
	if m.failures--; m.failures >= 0 {
		return errors.New("the journal does not answer")
	}
	return m.Settler.Settle(ctx, upload, record)
}

// TestOutcomeIsSettledBeforeTheObjectIsDone: while the journal does not take the outcome,
// the object is completed again and again, and is found complete.
func TestOutcomeIsSettledBeforeTheObjectIsDone(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		f := newFleet(t)
		f.settler = &moody{Settler: f, failures: 5}
		if fails {
			f.destination.Inject(memdriver.Fault{Call: "Part", Effect: memdriver.Fail(403, "AccessDenied")})
		}
		f.send(f.put("giant", content(4*partSize, 1)))
		f.work()
		if fails {
			f.reported("giant", "AccessDenied")
			continue
		}
		f.same()
		if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Grade != journal.GradeBoth {
			t.Errorf("settled as %+v", got)
		}
	}
}

// TestExpiredCredentialsCostNoAttempt: the message stays in the queue for a process whose
// credentials are valid.
func TestExpiredCredentialsCostNoAttempt(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "Part", Times: 40, Effect: memdriver.Fail(403, "Expired")})
	f.send(f.put("giant", content(2*partSize, 1)))
	f.work()
	f.same()
	if got := f.attempts(); got != 0 {
		t.Errorf("%d attempts were counted", got)
	}
}

// TestOldObjectIsGivenUp: one that comes to no end is given up when the watch hands over.
func TestOldObjectIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.config.GiveUp = time.Nanosecond
	f.begun(f.put("giant", content(2*partSize, 1)))
	f.queue.drop()
	f.work()
	f.reported("giant", "not finished in the time")
}

// TestCrashWhileGivingUp kills a process at each of its steps while a part is denied, and
// while the source changes: the first is reported, the second arrives in its new version.
func TestCrashWhileGivingUp(t *testing.T) {
	t.Parallel()
	for _, changes := range []bool{false, true} {
		for at, last := 1, false; !last; at++ {
			f := newFleet(t)
			f.fuse.at, f.fuse.after = at, at%2 == 0
			if !changes {
				f.destination.Inject(memdriver.Fault{Call: "Part", First: 2, Effect: memdriver.Fail(403, "AccessDenied")})
			}
			f.destination.Inject(memdriver.Fault{Effect: f.fuse.strike})
			f.send(f.put("giant", content(3*partSize, 1)))
			if changes {
				f.source.Inject(memdriver.Fault{Call: "Get", First: 3, Times: 1, Effect: memdriver.Do(func() { f.put("giant", content(3*partSize, 2)) })})
			}
			f.work()
			last = !f.fuse.spent
			if changes {
				f.same()
			} else {
				f.reported("giant", "AccessDenied")
			}
			if t.Failed() {
				t.Fatalf("killed at step %d, source changes: %v", at, changes)
			}
		}
	}
}
