package assemblytest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
)

func partTests() map[string]func(*testing.T, Table) {
	return map[string]func(*testing.T, Table){
		"a part counts once":                      testPartOnce,
		"parts count exactly under many at once":  testPartsExactly,
		"dropped parts are awaited again":         testPartsDropped,
		"parts of another upload stay":            testPartsApart,
		"a late part does not bring an upload up": testPartLate,
	}
}

func testPartOnce(t *testing.T, table Table) {
	s, upload := table.Join(t, time.Now), giant(1, 3)
	create(t, s, upload, "w1", true)
	for range 3 {
		mustEqual(t, "progress", assembly.Progress{State: assembly.Open, Total: 3, Arrived: 1}, record(t, s, upload.ID, part(3)))
	}
	record(t, s, upload.ID, part(1))
	other := part(1) // the first one on record stays: it is counted
	other.ETag = "other"
	record(t, s, upload.ID, other)
	mustEqual(t, "progress", assembly.Progress{State: assembly.Ready, Total: 3, Arrived: 3}, record(t, s, upload.ID, part(2)))
	got, err := s.Parts(t.Context(), upload.ID)
	must(t, "Parts", err)
	mustEqual(t, "parts", parts(1, 3), got)
}

// testPartsExactly has sixteen workers record each part three times, in any order.
func testPartsExactly(t *testing.T, table Table) {
	const total, workers, times = 100, 16, 3
	s, upload := table.Join(t, time.Now), giant(1, total)
	create(t, s, upload, "w1", true)
	var todo []int
	for _, i := range rand.Perm(total * times) {
		todo = append(todo, i%total+1)
	}
	var next, ready atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(todo)); i = next.Add(1) - 1 {
				progress, err := s.RecordPart(t.Context(), upload.ID, part(todo[i]))
				if err != nil {
					t.Errorf("RecordPart %d: %v", todo[i], err)
				}
				if progress.State == assembly.Ready {
					ready.Add(1)
				}
			}
		})
	}
	group.Wait()
	if ready.Load() == 0 {
		t.Error("nobody was told that all parts are there")
	}
	got := get(t, s, upload.ID)
	mustEqual(t, "arrived", total, got.Arrived)
	mustEqual(t, "state", assembly.Ready, got.State)
	all, err := s.Parts(t.Context(), upload.ID)
	must(t, "Parts", err)
	mustEqual(t, "parts", parts(1, total), all)
}

func testPartsDropped(t *testing.T, table Table) {
	s, ctx, upload := table.Join(t, time.Now), t.Context(), giant(1, 4)
	create(t, s, upload, "w1", true)
	for number := range 4 {
		record(t, s, upload.ID, part(number+1))
	}
	claim(t, s, upload.ID, assembly.Ready, assembly.Completing, "w1", true)
	must(t, "DropParts of none on record", s.DropParts(ctx, upload.ID, []int{9}))
	mustEqual(t, "state", assembly.Completing, get(t, s, upload.ID).State)
	for range 2 {
		must(t, "DropParts", s.DropParts(ctx, upload.ID, []int{2, 3, 77}))
		got := get(t, s, upload.ID)
		mustEqual(t, "state", assembly.Open, got.State)
		mustEqual(t, "arrived", 2, got.Arrived)
	}
	all, err := s.Parts(ctx, upload.ID)
	must(t, "Parts", err)
	mustEqual(t, "parts", []journal.Part{part(1), part(4)}, all)
	record(t, s, upload.ID, part(2))
	mustEqual(t, "progress", assembly.Progress{State: assembly.Ready, Total: 4, Arrived: 4}, record(t, s, upload.ID, part(3)))
	claim(t, s, upload.ID, assembly.Ready, assembly.Completing, "w2", true)
}

func testPartsApart(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	one, two := giant(1, 2), giant(2, 2)
	create(t, s, one, "w1", true)
	create(t, s, two, "w1", true)
	record(t, s, one.ID, part(1))
	got, err := s.Parts(t.Context(), two.ID)
	must(t, "Parts", err)
	mustEqual(t, "parts", 0, len(got))
	mustEqual(t, "arrived", 0, get(t, s, two.ID).Arrived)
}

func testPartLate(t *testing.T, table Table) {
	s := table.Join(t, time.Now)
	for i, state := range []assembly.State{assembly.Done, assembly.Aborted} {
		upload := giant(byte(i), 2)
		create(t, s, upload, "w1", true)
		record(t, s, upload.ID, part(1))
		must(t, "Finish", s.Finish(t.Context(), upload.ID, state, ""))
		for number := range 2 {
			mustEqual(t, fmt.Sprint("progress of part ", number+1), assembly.Progress{State: state, Total: 2, Arrived: 1}, record(t, s, upload.ID, part(number+1)))
		}
	}
}
