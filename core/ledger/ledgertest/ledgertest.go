// Package ledgertest checks that an implementation of ledger.Store keeps its contract.
// Every implementation runs it.
package ledgertest

import (
	"bytes"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/ledger"
)

// Run checks the contract. It calls newStore, which returns an empty one, for each test.
func Run(t *testing.T, newStore func(t *testing.T) ledger.Store) {
	for name, test := range map[string]func(*testing.T, ledger.Store){
		"there is none at first":                  testNone,
		"segments come back in order":             testOrder,
		"an incomplete ledger is not read":        testIncomplete,
		"a complete ledger replaces its forebear": testReplaced,
		"ledgers of other names stay apart":       testNames,
		"a ledger may be empty":                   testEmpty,
		"completing twice is completing once":     testTwice,
		"a segment may be written again":          testRewritten,
		"the largest segment fits":                testLargest,
		"reading can be left":                     testLeft,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

func write(t *testing.T, s ledger.Store, name, generation string, segments ...string) {
	t.Helper()
	for number, segment := range segments {
		if err := s.WriteSegment(t.Context(), name, generation, number, []byte(segment)); err != nil {
			t.Fatal(err)
		}
	}
}

func complete(t *testing.T, s ledger.Store, name, generation string, segments int) {
	t.Helper()
	if err := s.CompleteLedger(t.Context(), name, generation, segments); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, s ledger.Store, name string, want ...string) {
	t.Helper()
	var got []string
	for segment, err := range s.ReadSegments(t.Context(), name) {
		if err != nil {
			t.Fatalf("after %d segments: %v", len(got), err)
		}
		got = append(got, string(segment))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("segments of %q differ (-want +got):\n%s", name, diff)
	}
}

func testNone(t *testing.T, s ledger.Store) { mustRead(t, s, "job") }

func testOrder(t *testing.T, s ledger.Store) {
	var want []string
	for range 25 {
		want = append(want, rand.Text()+"\x00\xff")
	}
	numbers := make([]int, len(want))
	for i := range numbers {
		numbers[i] = i
	}
	slices.Reverse(numbers) // segments may be written by several at once
	for _, number := range numbers {
		if err := s.WriteSegment(t.Context(), "job", "1", number, []byte(want[number])); err != nil {
			t.Fatal(err)
		}
	}
	complete(t, s, "job", "1", len(want))
	mustRead(t, s, "job", want...)
}

func testIncomplete(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a", "b")
	mustRead(t, s, "job")
	complete(t, s, "job", "1", 2)
	write(t, s, "job", "2", "c", "d", "e")
	mustRead(t, s, "job", "a", "b")
}

func testReplaced(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a", "b", "c")
	complete(t, s, "job", "1", 3)
	write(t, s, "job", "2", "d")
	complete(t, s, "job", "2", 1)
	mustRead(t, s, "job", "d")
	write(t, s, "job", "3", "e", "f")
	complete(t, s, "job", "3", 2)
	mustRead(t, s, "job", "e", "f")
}

func testNames(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a")
	complete(t, s, "job", "1", 1)
	write(t, s, "job2", "1", "b", "c")
	complete(t, s, "job2", "1", 2)
	mustRead(t, s, "job", "a")
	mustRead(t, s, "job2", "b", "c")
}

func testEmpty(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a")
	complete(t, s, "job", "1", 1)
	complete(t, s, "job", "2", 0)
	mustRead(t, s, "job")
}

func testTwice(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a")
	complete(t, s, "job", "1", 1)
	complete(t, s, "job", "1", 1)
	mustRead(t, s, "job", "a")
}

func testRewritten(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "half")
	write(t, s, "job", "1", "whole", "b")
	complete(t, s, "job", "1", 2)
	mustRead(t, s, "job", "whole", "b")
}

func testLargest(t *testing.T, s ledger.Store) {
	segment := bytes.Repeat([]byte{0xff}, ledger.SegmentBytes)
	write(t, s, "job", "1", string(segment), string(segment), string(segment))
	if err := s.WriteSegment(t.Context(), "job", "1", 3, append(segment, 0)); err == nil {
		t.Error("WriteSegment took a segment that is too large")
	}
	complete(t, s, "job", "1", 3)
	mustRead(t, s, "job", string(segment), string(segment), string(segment))
}

func testLeft(t *testing.T, s ledger.Store) {
	write(t, s, "job", "1", "a", "b", "c", "d", "e")
	complete(t, s, "job", "1", 5)
	for range 20 {
		for segment, err := range s.ReadSegments(t.Context(), "job") {
			if err != nil || string(segment) != "a" {
				t.Fatalf("the first segment is %q, %v", segment, err)
			}
			break
		}
	}
	mustRead(t, s, "job", "a", "b", "c", "d", "e")
}
