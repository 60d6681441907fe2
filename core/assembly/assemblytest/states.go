package assemblytest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
)

func recordTests() map[string]func(*testing.T, Table) {
	return map[string]func(*testing.T, Table){
		"a record comes back as it was created": testRoundTrip,
		"an absent record is not found":         testAbsent,
		"of two owners one creates":             testCreateHeld,
		"a dead owner's record is taken over":   testCreateTakenOver,
		"a final record is not taken over":      testCreateFinal,
		"unfinished records are listed":         testUnfinished,
	}
}

func stateTests() map[string]func(*testing.T, Table) {
	return map[string]func(*testing.T, Table){
		"a claim has one holder":               testClaim,
		"a claim ends with its lease":          testClaimEnds,
		"a late extension shortens no lease":   testExtendedLate,
		"each of many contests has one winner": testClaimContended,
		"only open and ready uploads fail":     testFail,
		"a final state stays":                  testFinish,
		"a generation is rolled once":          testRoll,
	}
}

func testRoundTrip(t *testing.T, table Table) {
	clock := newClock()
	s, want := table.Join(t, clock.Now), giant(1, 3)
	created := create(t, s, want, "w1", true)
	want.Owner, want.Lease = "w1", clock.Now().Add(lease)
	mustEqual(t, "created", want, created)
	mustEqual(t, "records", want, get(t, table.Join(t, clock.Now), want.ID))
	want.Record.ID = "store's \x00\xff"
	must(t, "Begin", s.Begin(t.Context(), want.ID, "w1", want.Record))
	mustEqual(t, "records", want, get(t, s, want.ID))

	bare := assembly.Upload{ID: giant(2, 0).ID, Total: 1}
	create(t, s, bare, "w1", true)
	bare.State, bare.Generation, bare.Owner, bare.Lease = assembly.Open, 1, "w1", clock.Now().Add(lease)
	got := get(t, s, bare.ID)
	got.Task.Modified, got.Record.Intended = bare.Task.Modified, bare.Record.Intended // the zero time in another zone
	mustEqual(t, "records", bare, got)
}

func testAbsent(t *testing.T, table Table) {
	s, ctx, id := table.Join(t, time.Now), t.Context(), giant(1, 1).ID
	_, err := s.Get(ctx, id)
	mustNotFind(t, "Get", err)
	mustNotFind(t, "Begin", s.Begin(ctx, id, "w1", journal.Upload{}))
	_, err = s.RecordPart(ctx, id, part(1))
	mustNotFind(t, "RecordPart", err)
	_, _, err = s.Claim(ctx, id, assembly.Ready, assembly.Completing, "w1", lease)
	mustNotFind(t, "Claim", err)
	_, err = s.Roll(ctx, id, 2)
	mustNotFind(t, "Roll", err)
	held, err := s.Extend(ctx, id, "w1", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether nothing is held", false, held)
	got, err := s.Parts(ctx, id)
	must(t, "Parts", err)
	mustEqual(t, "parts", 0, len(got))
	create(t, s, giant(1, 1), "w1", true)
	mustEqual(t, "arrived", 0, get(t, s, id).Arrived)
}

func testCreateHeld(t *testing.T, table Table) {
	one, two, upload := table.Join(t, time.Now), table.Join(t, time.Now), giant(1, 3)
	create(t, one, upload, "w1", true)
	another := giant(1, 7)
	mustEqual(t, "parts of the record", 3, create(t, two, another, "w2", false).Total)
	create(t, one, upload, "w1", true)
	mustNotFind(t, "Begin by another", two.Begin(t.Context(), upload.ID, "w2", upload.Record))
	held, err := two.Extend(t.Context(), upload.ID, "w2", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether another's lease is extended", false, held)
}

func testCreateTakenOver(t *testing.T, table Table) {
	clock := newClock()
	s, upload := table.Join(t, clock.Now), giant(1, 3)
	create(t, s, upload, "w1", true)
	upload.Record.ID = "id-1"
	must(t, "Begin", s.Begin(t.Context(), upload.ID, "w1", upload.Record))
	record(t, s, upload.ID, part(2))
	clock.advance(lease + table.Margin())
	create(t, s, giant(1, 3), "w2", false) // w1's clock may be behind
	held, err := s.Extend(t.Context(), upload.ID, "w1", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether the lease is extended", true, held)
	clock.advance(lease + table.Margin() + time.Second)
	got := create(t, s, giant(1, 3), "w2", true)
	mustEqual(t, "ID of the record taken over", "id-1", got.Record.ID)
	mustEqual(t, "arrived", 1, got.Arrived)
	mustNotFind(t, "Begin by the old owner", s.Begin(t.Context(), upload.ID, "w1", upload.Record))
	held, err = s.Extend(t.Context(), upload.ID, "w1", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether the lost lease is extended", false, held)
}

// testExtendedLate: of two requests of the owner the one that was sent first arrives last,
// which a clock that is set back stands for.
func testExtendedLate(t *testing.T, table Table) {
	clock := newClock()
	s, upload := table.Join(t, clock.Now), giant(1, 3)
	create(t, s, upload, "w1", true)
	want := clock.Now().Add(lease)
	clock.advance(-time.Minute)
	held, err := s.Extend(t.Context(), upload.ID, "w1", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether the lease is held", true, held)
	got, err := s.Get(t.Context(), upload.ID)
	must(t, "Get", err)
	mustEqual(t, "end of the lease", want, got.Lease)
	held, err = s.Extend(t.Context(), upload.ID, "w1", -time.Minute)
	must(t, "Extend", err)
	mustEqual(t, "whether the lease is ended by its owner", true, held)
	got, err = s.Get(t.Context(), upload.ID)
	must(t, "Get", err)
	mustEqual(t, "end of the lease that was given up", clock.Now().Add(-time.Minute), got.Lease)
}

func testCreateFinal(t *testing.T, table Table) {
	s, upload := table.Join(t, time.Now), giant(1, 3)
	create(t, s, upload, "w1", true)
	must(t, "Finish", s.Finish(t.Context(), upload.ID, assembly.Aborted, "given up"))
	got := create(t, s, upload, "w1", false)
	mustEqual(t, "state", assembly.Aborted, got.State)
	mustEqual(t, "reason", "given up", got.Reason)
}

func testUnfinished(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	mustBeUnfinished(t, s)
	var ids []string
	for id := range byte(16) {
		upload := giant(id, 1)
		create(t, s, upload, "w1", true)
		ids = append(ids, upload.ID)
	}
	mustBeUnfinished(t, s, ids...)
	record(t, s, ids[3], part(1))
	must(t, "Finish", s.Finish(t.Context(), ids[0], assembly.Done, ""))
	must(t, "Finish", s.Finish(t.Context(), ids[1], assembly.Aborted, "why"))
	must(t, "Fail", s.Fail(t.Context(), ids[2], "why"))
	mustBeUnfinished(t, s, ids[2:]...)
}

// arrived creates an upload whose only part is there.
func arrived(t *testing.T, s assembly.Store) string {
	upload := giant(1, 1)
	create(t, s, upload, "owner", true)
	mustEqual(t, "progress", assembly.Progress{State: assembly.Ready, Total: 1, Arrived: 1}, record(t, s, upload.ID, part(1)))
	return upload.ID
}

func testClaim(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	upload := giant(2, 1)
	create(t, s, upload, "w1", true)
	claim(t, s, upload.ID, assembly.Ready, assembly.Completing, "w1", false)
	mustEqual(t, "state", assembly.Open, get(t, s, upload.ID).State)

	id := arrived(t, s)
	got := claim(t, s, id, assembly.Ready, assembly.Completing, "w1", true)
	mustEqual(t, "state", assembly.Completing, got.State)
	mustEqual(t, "owner", "w1", got.Owner)
	got = claim(t, s, id, assembly.Ready, assembly.Completing, "w2", false)
	mustEqual(t, "owner", "w1", got.Owner)
	claim(t, s, id, assembly.Ready, assembly.Completing, "w1", true)
}

func testClaimEnds(t *testing.T, table Table) {
	clock := newClock()
	s := table.Join(t, clock.Now)
	id := arrived(t, s)
	claim(t, s, id, assembly.Ready, assembly.Completing, "w1", true)
	clock.advance(lease + table.Margin())
	claim(t, s, id, assembly.Ready, assembly.Completing, "w2", false)
	clock.advance(time.Second)
	got := claim(t, s, id, assembly.Ready, assembly.Completing, "w2", true)
	mustEqual(t, "end of the lease", clock.Now().Add(lease), got.Lease)
	claim(t, s, id, assembly.Ready, assembly.Completing, "w1", false)
	must(t, "DropParts", s.DropParts(t.Context(), id, []int{1}))
	claim(t, s, id, assembly.Open, assembly.Failed, "w1", true) // leases are of states
}

func testClaimContended(t *testing.T, table Table) {
	clock := newClock()
	s := table.Join(t, clock.Now)
	id := arrived(t, s)
	const contenders = 3
	for contest := range table.Contests() {
		var group sync.WaitGroup
		var winners atomic.Int64
		for i := range contenders {
			group.Go(func() {
				_, mine, err := s.Claim(t.Context(), id, assembly.Ready, assembly.Completing, fmt.Sprint("w", contest, "-", i), lease)
				if err != nil {
					t.Errorf("Claim: %v", err)
				}
				if mine {
					winners.Add(1)
				}
			})
		}
		group.Wait()
		if winners.Load() != 1 {
			t.Fatalf("contest %d has %d winners", contest, winners.Load())
		}
		clock.advance(lease + table.Margin() + time.Second)
	}
}

func testFail(t *testing.T, table Table) {
	s, ctx := table.Join(t, time.Now), t.Context()
	id := arrived(t, s)
	must(t, "Fail", s.Fail(ctx, id, "part 1: denied"))
	got := get(t, s, id)
	mustEqual(t, "state", assembly.Failed, got.State)
	mustEqual(t, "reason", "part 1: denied", got.Reason)
	must(t, "Finish", s.Finish(ctx, id, assembly.Aborted, "given up"))
	must(t, "Fail", s.Fail(ctx, id, "late"))
	mustEqual(t, "reason", "given up", get(t, s, id).Reason)

	open := giant(2, 1)
	create(t, s, open, "w1", true)
	must(t, "Fail", s.Fail(ctx, open.ID, "why"))
	mustEqual(t, "state", assembly.Failed, get(t, s, open.ID).State)
	mustEqual(t, "progress of a failed upload", assembly.Progress{State: assembly.Failed, Total: 1}, record(t, s, open.ID, part(1)))

	completing := giant(3, 1)
	create(t, s, completing, "w1", true)
	record(t, s, completing.ID, part(1))
	claim(t, s, completing.ID, assembly.Ready, assembly.Completing, "w1", true)
	must(t, "Fail", s.Fail(ctx, completing.ID, "late"))
	mustEqual(t, "state", assembly.Completing, get(t, s, completing.ID).State)
}

func testFinish(t *testing.T, table Table) {
	s, ctx := table.Join(t, time.Now), t.Context()
	id := arrived(t, s)
	if err := s.Finish(ctx, id, assembly.Ready, ""); err == nil {
		t.Error("Finish took a state that is not final")
	}
	claim(t, s, id, assembly.Ready, assembly.Completing, "w1", true)
	must(t, "Finish", s.Finish(ctx, id, assembly.Done, ""))
	must(t, "Finish", s.Finish(ctx, id, assembly.Aborted, "late"))
	must(t, "DropParts", s.DropParts(ctx, id, []int{1}))
	got := get(t, s, id)
	mustEqual(t, "state", assembly.Done, got.State)
	mustEqual(t, "arrived", 1, got.Arrived)
	held, err := s.Extend(ctx, id, "w1", lease)
	must(t, "Extend", err)
	mustEqual(t, "whether the lease of a final record lasts", false, held)
	claim(t, s, id, assembly.Ready, assembly.Completing, "w1", false)
}

func testRoll(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	upload := giant(1, 1)
	create(t, s, upload, "w1", true)
	for _, step := range []struct {
		generation int
		want       bool
	}{{3, false}, {2, true}, {2, false}, {1, false}, {3, true}} {
		rolled, err := s.Roll(t.Context(), upload.ID, step.generation)
		must(t, "Roll", err)
		mustEqual(t, fmt.Sprint("whether it rolls to ", step.generation), step.want, rolled)
	}
	mustEqual(t, "generation", 3, get(t, s, upload.ID).Generation)
}
