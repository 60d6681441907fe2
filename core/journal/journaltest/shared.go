package journaltest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
)

// SharedStore is one place where a journal lies that many machines share, empty at first.
type SharedStore interface {
	// Join returns the journal as a process of that name sees it, whose clock is now.
	Join(t testing.TB, owner string, now func() time.Time) journal.Shared
	// Margin is by how much clocks may differ.
	Margin() time.Duration
	// Contests is how often a lease is contended for: 1,000 where that takes seconds.
	Contests() int
}

// RunShared checks the contract of journal.Shared, and that of journal.Journal as far as
// it knows no revisions. It calls newStore for each test.
func RunShared(t *testing.T, newStore func(t *testing.T) SharedStore) {
	Run(t, func(t *testing.T) Store { return blindStore{newStore(t)} })
	for _, tests := range []map[string]func(*testing.T, SharedStore){revisionTests(), leaseTests(), sharedUploadTests()} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newStore(t))
			})
		}
	}
}

// join joins as a process of that name with the real clock.
func join(t testing.TB, store SharedStore, owner string) journal.Shared {
	return store.Join(t, owner, time.Now)
}

// blindStore opens a shared journal as if nobody else used it.
type blindStore struct{ store SharedStore }

func (s blindStore) Open(t testing.TB) journal.Journal { return blind{join(t, s.store, t.Name())} }

// blind writes over whatever is on record, as a worker does, and shows no revisions.
type blind struct{ journal.Shared }

func (b blind) Append(ctx context.Context, records []journal.Record) error {
	last := map[string]journal.Record{}
	for _, record := range records {
		last[record.Key] = record
	}
	keys := slices.Collect(func(yield func(string) bool) {
		for key := range last {
			if !yield(key) {
				return
			}
		}
	})
	for {
		there, err := b.Lookup(ctx, keys)
		if err != nil {
			return err
		}
		var now []journal.Record
		for _, key := range keys {
			record := last[key]
			record.Revision = there[key].Revision
			if before := there[key]; record.Outcome != journal.OutcomeInterrupted || before.Outcome == "" || before.Run != record.Run {
				now = append(now, record.Keeping(before))
			}
		}
		err = b.Shared.Append(ctx, now)
		var conflict *journal.ConflictError
		if !errors.As(err, &conflict) {
			return err
		}
		keys = conflict.Keys
	}
}

func (b blind) Scan(ctx context.Context) iter.Seq2[journal.Record, error] {
	return withoutRevisions(b.Shared.Scan(ctx))
}

func (b blind) Failures(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return withoutRevisions(b.Shared.Failures(ctx, run))
}

func (b blind) Adapted(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return withoutRevisions(b.Shared.Adapted(ctx, run))
}

func withoutRevisions(records iter.Seq2[journal.Record, error]) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		for record, err := range records {
			record.Revision = 0
			if !yield(record, err) {
				return
			}
		}
	}
}

func revisionTests() map[string]func(*testing.T, SharedStore) {
	return map[string]func(*testing.T, SharedStore){
		"a lookup finds what is there":               testLookup,
		"records carry what only a fleet knows":      testSharedRecord,
		"each write counts the revision up":          testRevisions,
		"stale writes are conflicts, others stored":  testConflicts,
		"of many writers of a revision one succeeds": testWritersContend,
		"a tally counts once a message":              testTally,
		"doubts are of all runs":                     testDoubts,
		"a proof is kept as the caller gives it":     testSharedProof,
	}
}

func mustConflict(t *testing.T, err error, keys ...string) {
	t.Helper()
	var conflict *journal.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("Append returned %v, want a conflict", err)
	}
	mustEqual(t, "conflicting keys", keys, conflict.Keys)
}

func testLookup(t *testing.T, store SharedStore) {
	j := join(t, store, "w1")
	keys := append(hostileKeys(), numbered(230)...) // more than one request asks for
	var records []journal.Record
	want := map[string]journal.Record{}
	for _, key := range keys {
		r := record(key)
		records = append(records, r)
		r.Revision = 1
		want[key] = r
	}
	must(t, "Append", j.Append(t.Context(), records))
	got, err := join(t, store, "w2").Lookup(t.Context(), append(keys, "absent", "a", "a"))
	must(t, "Lookup", err)
	mustEqual(t, "records", want, got)
	got, err = j.Lookup(t.Context(), nil)
	must(t, "Lookup", err)
	mustEqual(t, "records of no keys", map[string]journal.Record{}, got)
}

func testSharedRecord(t *testing.T, store SharedStore) {
	j := join(t, store, "w1")
	want := []journal.Record{
		{Key: "a", Outcome: journal.OutcomeSkipped, Archived: true, Unmappable: true, Message: "m-\xff", Sequencer: "00AB"},
		{Key: "b", Outcome: journal.OutcomeDone, Inside: true, Run: "run", Sequencer: "0055AED6DCD90281E5"},
		{Key: "c", Outcome: journal.OutcomeDeleted, Run: "run"},
		{Key: "d", Outcome: journal.OutcomeVanished, Run: "run"},
		{Key: "e", Outcome: journal.OutcomeFailed, Run: "run", Deletion: true},
		{Key: "f", Outcome: journal.OutcomeDeleted, Run: "run", Absent: true},
		{Key: "g", Outcome: journal.OutcomeDone, Run: "run", Elsewhere: true},
		{Key: "h", Outcome: journal.OutcomeDone, Run: "run", Counted: []journal.Counted{{Message: "m", Counts: journal.Counts{Failed: 1}}}},
	}
	must(t, "Append", j.Append(t.Context(), want))
	for i := range want {
		want[i].Revision = 1
	}
	mustEqual(t, "records", want, collect(t, j.Scan(t.Context())))
}

func testRevisions(t *testing.T, store SharedStore) {
	ctx := t.Context()
	for revision := range int64(5) {
		j := join(t, store, fmt.Sprint("w", revision))
		r := record("k")
		r.Revision = revision
		must(t, "Append", j.Append(ctx, []journal.Record{r}))
		got, err := j.Lookup(ctx, []string{"k"})
		must(t, "Lookup", err)
		mustEqual(t, "revision", revision+1, got["k"].Revision)
	}
}

func testConflicts(t *testing.T, store SharedStore) {
	ctx, one, two := t.Context(), join(t, store, "w1"), join(t, store, "w2")
	must(t, "Append", one.Append(ctx, []journal.Record{record("b"), record("d")}))
	newer := failure("d", "run-2")
	newer.Revision = 1
	must(t, "Append", one.Append(ctx, []journal.Record{newer}))

	fresh, stale, renewed, ahead := record("a"), record("b"), record("d"), record("e")
	renewed.Revision, ahead.Revision = 2, 1
	mustConflict(t, two.Append(ctx, []journal.Record{ahead, renewed, stale, fresh}), "b", "e")

	got, err := two.Lookup(ctx, []string{"a", "b", "d", "e"})
	must(t, "Lookup", err)
	revisions := map[string]int64{}
	for key, r := range got {
		revisions[key] = r.Revision
	}
	mustEqual(t, "revisions", map[string]int64{"a": 1, "b": 1, "d": 3}, revisions)
	mustEqual(t, "failures", 0, len(collect(t, two.Failures(ctx, "run-2"))))
}

func testWritersContend(t *testing.T, store SharedStore) {
	ctx := t.Context()
	const writers, rounds = 4, 25
	for round := range int64(rounds) {
		var group sync.WaitGroup
		var mu sync.Mutex
		var winners []string
		for w := range writers {
			owner := fmt.Sprint("w", w)
			j := join(t, store, owner)
			group.Go(func() {
				r := record("k")
				r.Message, r.Revision = owner, round
				err := j.Append(ctx, []journal.Record{r})
				var conflict *journal.ConflictError
				switch {
				case err == nil:
					mu.Lock()
					winners = append(winners, owner)
					mu.Unlock()
				case !errors.As(err, &conflict):
					t.Errorf("Append: %v", err)
				}
			})
		}
		group.Wait()
		got, err := join(t, store, "reader").Lookup(ctx, []string{"k"})
		must(t, "Lookup", err)
		mustEqual(t, "winners", []string{got["k"].Message}, winners)
	}
}

func testTally(t *testing.T, store SharedStore) {
	ctx, j := t.Context(), join(t, store, "w1")
	one := journal.Counts{
		Copied: 1, Bytes: 1 << 50, Inside: 3, Failed: 4, Skipped: 5, Unmappable: 6, Archived: 7,
		Adapted: 8, Vanished: 9, Replanned: 10, Deleted: 11, GradeBoth: 12, GradeOne: 13, GradeSize: 14,
	}
	must(t, "Tally", j.Tally(ctx, journal.Tally{Run: "run-1", Message: "m1", Counts: journal.Counts{Copied: 99, Failed: 1}}))
	for range 2 { // a redelivery
		must(t, "Tally", join(t, store, "w2").Tally(ctx, journal.Tally{Run: "run-1", Message: "m1", Counts: one}))
	}
	must(t, "Tally", j.Tally(ctx, journal.Tally{Run: "run-1", Message: "m2", Counts: one}))
	must(t, "Tally", j.Tally(ctx, journal.Tally{Run: "run-2", Message: "m1", Counts: one}))
	want := one
	want.Add(one)
	got, err := j.Total(ctx, "run-1")
	must(t, "Total", err)
	mustEqual(t, "total", want, got)
	got, err = j.Total(ctx, "run")
	must(t, "Total", err)
	mustEqual(t, "total of a run without tallies", journal.Counts{}, got)
}

// testSharedProof: the journal of many machines reads nothing before it writes.
func testSharedProof(t *testing.T, store SharedStore) {
	ctx, j := t.Context(), join(t, store, "w1")
	must(t, "Append", j.Append(ctx, []journal.Record{record("k")}))
	before, err := j.Lookup(ctx, []string{"k"})
	must(t, "Lookup", err)
	failed := failure("k", "run-2").Keeping(before["k"])
	failed.Revision = 1
	must(t, "Append", j.Append(ctx, []journal.Record{failed}))
	after, err := join(t, store, "w2").Lookup(ctx, []string{"k"})
	must(t, "Lookup", err)
	mustEqual(t, "proof", proofOf(record("k")), after["k"].Proved)
}

// testDoubts: what is not done is doubted, of whichever run, until it is done, and what was
// adapted where that is asked for.
func testDoubts(t *testing.T, store SharedStore) {
	j := blind{join(t, store, "a")}
	want := map[bool][]string{}
	for i, key := range hostileKeys() {
		failed := failure(key, fmt.Sprint("run-", i%3))
		failed.Outcome = []journal.Outcome{
			journal.OutcomeSkipped, journal.OutcomeFailed, journal.OutcomeVanished, journal.OutcomeInterrupted,
		}[i%4]
		changed, deleted, healed := record("changed/"+key), record("deleted/"+key), record("healed/"+key)
		changed.Changes, deleted.Outcome = []string{"cache-control"}, journal.OutcomeDeleted
		appendRecords(t, j, failed, record("done/"+key), changed, deleted, failure(healed.Key, "run-1"))
		appendRecords(t, j, healed)
		want[false] = append(want[false], key)
		want[true] = append(want[true], key, changed.Key)
	}
	for adapted, keys := range want {
		slices.Sort(keys)
		mustEqual(t, fmt.Sprintf("doubts, adapted ones %t", adapted), keys, slices.Sorted(func(yield func(string) bool) {
			for key, err := range j.Doubts(t.Context(), adapted) {
				if err != nil {
					t.Error(err)
				}
				if !yield(key) {
					return
				}
			}
		}))
	}
}
