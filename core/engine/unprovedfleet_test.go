package engine_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// memLedger keeps ledgers in memory.
type memLedger struct {
	mu       sync.Mutex
	segments map[string][][]byte // by name and generation
	newest   map[string]string   // generation by name
}

func newMemLedger() *memLedger {
	return &memLedger{segments: map[string][][]byte{}, newest: map[string]string{}}
}

func (l *memLedger) ReadSegments(_ context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		l.mu.Lock()
		segments := slices.Clone(l.segments[name+l.newest[name]])
		l.mu.Unlock()
		for _, segment := range segments {
			if !yield(segment, nil) {
				return
			}
		}
	}
}

func (l *memLedger) WriteSegment(_ context.Context, name, generation string, _ int, segment []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments[name+generation] = append(l.segments[name+generation], slices.Clone(segment))
	return nil
}

func (l *memLedger) CompleteLedger(_ context.Context, name, generation string, segments int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments[name+generation]) != segments {
		return errors.New("not all segments were written")
	}
	l.newest[name] = generation
	return nil
}

// comparingFleet is a fleet whose finder compares ETags that say nothing, and keeps a
// ledger. All clocks stand still: no time tells one version from another.
func comparingFleet(t *testing.T) *fleetWorld {
	t.Helper()
	f := newFleetWorld(t)
	f.settings.Compare, f.rules = job.CompareAuto, opaqueETags
	kept := newMemLedger()
	f.adjust = func(fleet *engine.Fleet) { fleet.Ledger, fleet.Attempts, fleet.RetryAfter = kept, 1, time.Millisecond }
	at := time.Now().Truncate(time.Second)
	now := func() time.Time { return at }
	f.source, f.destination = startServerAs(t, "src", memdriver.Config{Now: now}), startServerAs(t, "dst", memdriver.Config{Now: now})
	return f
}

// finds runs a finder and checks how many objects it sent, and how many it found equal.
func (f *fleetWorld) finds(planned, equal int64) {
	f.t.Helper()
	done := <-f.find(false)
	if done.err != nil || done.report.Objects.Planned != planned || done.report.Objects.Equal != equal {
		f.t.Errorf("%v; planned %d and equal %d, want %d and %d", done.err, done.report.Objects.Planned, done.report.Objects.Equal, planned, equal)
	}
}

// TestFinderDoubtsWhatIsNotDone, and believes the last proof before it.
func TestFinderDoubtsWhatIsNotDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome journal.Outcome // empty for no record
		proved  bool
		planned int64
	}{
		"no record":        {"", false, 0},
		"failed":           {journal.OutcomeFailed, false, 1},
		"skipped":          {journal.OutcomeSkipped, false, 1},
		"vanished":         {journal.OutcomeVanished, false, 1},
		"deleted":          {journal.OutcomeDeleted, false, 1},
		"failed, proved":   {journal.OutcomeFailed, true, 0},
		"vanished, proved": {journal.OutcomeVanished, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := comparingFleet(t)
			from := f.object("a", 10)
			to, err := f.destination.Put("dst", "a", content(10, 2), driver.Attributes{})
			if err != nil {
				t.Fatal(err)
			}
			record := journal.Record{Key: "a", Outcome: test.outcome}
			if test.proved {
				record.Proved = journal.Proof{Size: 10, SourceETag: from.ETag, DestinationETag: to, Grade: journal.GradeOne}
			}
			if test.outcome != "" {
				f.journal.force(record)
			}
			f.finds(test.planned, 1-test.planned)
		})
	}
}

// TestLedgerHidesNoFailure: an object that was equal, and changed, and failed, is sent
// until it is copied.
func TestLedgerHidesNoFailure(t *testing.T) {
	t.Parallel()
	f := comparingFleet(t)
	f.put("a", content(10, 1), driver.Attributes{})
	f.finds(1, 0)
	f.serve()
	proved := f.journal.record("a").LastProof()
	f.finds(0, 1)
	f.finds(0, 1) // by the ledger
	f.put("a", content(10, 2), driver.Attributes{})
	f.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.CorruptRequest(3)})
	for range 2 {
		f.finds(1, 0)
		f.serve()
		record := f.journal.record("a")
		if record.Outcome != journal.OutcomeFailed || record.Proved != proved || proved.IsZero() {
			t.Fatalf("on record %+v", record)
		}
	}
	f.destination.Heal()
	f.finds(1, 0)
	f.serve()
	f.same()
	f.finds(0, 1)
}

// TestStricterFinderHasItsOwnLedger: what only times suggested is not taken for the word of
// ETags.
func TestStricterFinderHasItsOwnLedger(t *testing.T) {
	t.Parallel()
	f := comparingFleet(t)
	f.put("a", content(10, 1), driver.Attributes{})
	if _, err := f.destination.Put("dst", "a", content(10, 2), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	f.finds(0, 1)
	f.settings.Compare = job.CompareETag
	f.finds(1, 0)
}

// TestProvedStateIsDoneAgain: who looks again at an object that failed, and finds both ends
// as they were proved, copies nothing.
func TestProvedStateIsDoneAgain(t *testing.T) {
	t.Parallel()
	for name, proved := range map[string]bool{"proved": true, "not proved": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := comparingFleet(t)
			from := f.object("a", 10)
			to, err := f.destination.Put("dst", "a", content(10, 1), driver.Attributes{})
			if err != nil {
				t.Fatal(err)
			}
			record := journal.Record{Key: "a", Run: "earlier", Outcome: journal.OutcomeFailed}
			if proved {
				record.Proved = journal.Proof{Size: from.Size, SourceETag: from.ETag, DestinationETag: to, Grade: journal.GradeSize}
			}
			f.journal.force(record)
			f.wrap = func(b driver.Bucket) driver.Bucket { return opaque{store: b.(store)} }
			f.send(task.Task{Key: "a", Action: task.Look})
			f.serve()
			got := f.journal.record("a")
			if got.Outcome != journal.OutcomeDone || (got.Grade == journal.GradeSize) != proved || !got.Proved.IsZero() {
				t.Errorf("on record %+v", got)
			}
			if copied := f.source.Count("Get") > 0; copied == proved {
				t.Errorf("copied: %t", copied)
			}
		})
	}
}

// TestFleetKeepsProofs: a writer of a record that says an object is not done keeps the last proof of it.
func TestFleetKeepsProofs(t *testing.T) {
	t.Parallel()
	proved := journal.Record{
		Key: "a", Run: "earlier", Outcome: journal.OutcomeDone, Size: 10, SourceETag: "s", DestinationETag: "d", Grade: journal.GradeOne,
	}
	tests := map[string]struct {
		do   func(f *fleetWorld)
		want journal.Outcome
	}{
		"what cannot be looked at": {func(f *fleetWorld) {
			f.source.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(400, "Broken")})
			f.send(task.Task{Key: "a", Action: task.Look})
			f.serve()
		}, journal.OutcomeFailed},
		"what cannot be copied": {func(f *fleetWorld) {
			f.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Fail(400, "Broken")})
			f.send(f.object("a", 10))
			f.serve()
		}, journal.OutcomeFailed},
		"what is gone": {func(f *fleetWorld) {
			f.send(task.Task{Key: "a", Action: task.Look})
			f.serve()
		}, journal.OutcomeVanished},
		"what the finder passes over": {func(f *fleetWorld) {
			f.put("a", content(10, 1), driver.Attributes{StorageClass: "ARCHIVE"})
			if done := <-f.find(false); done.err != nil {
				f.t.Fatal(done.err)
			}
		}, journal.OutcomeSkipped},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := comparingFleet(t)
			f.journal.force(proved)
			test.do(f)
			if got := f.journal.record("a"); got.Outcome != test.want || got.Proved != proved.LastProof() {
				t.Errorf("on record %+v", got)
			}
		})
	}
}
