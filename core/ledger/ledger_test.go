package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
)

// memory is a Store in memory, as strict as the interface's comments.
type memory struct {
	parts   map[string][][]byte // by generation
	current string
}

func newMemory() *memory { return &memory{parts: map[string][][]byte{}} }

func (m *memory) ReadSegments(context.Context, string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, segment := range m.parts[m.current] {
			if !yield(segment, nil) {
				return
			}
		}
	}
}

func (m *memory) WriteSegment(_ context.Context, _, generation string, number int, segment []byte) error {
	if number != len(m.parts[generation]) || len(segment) > SegmentBytes {
		return fmt.Errorf("segment %d of %d bytes after %d segments", number, len(segment), len(m.parts[generation]))
	}
	m.parts[generation] = append(m.parts[generation], slices.Clone(segment))
	return nil
}

func (m *memory) CompleteLedger(_ context.Context, _, generation string, segments int) error {
	if segments != len(m.parts[generation]) {
		return errors.New("not all segments were written")
	}
	delete(m.parts, m.current)
	m.current = generation
	return nil
}

func write(t *testing.T, store Store, generation string, entries []Entry, complete bool) {
	t.Helper()
	w, err := NewWriter(store, "l", generation)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if err := w.Add(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	if complete {
		if err := w.Complete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(count int) []Entry {
	random := rand.New(rand.NewPCG(1, 2))
	entries := make([]Entry, count)
	for i := range entries {
		entries[i] = Entry{Key: fmt.Sprintf("photos/2026/%08d\xff.jpg", 2*i), Versions: random.Uint64()}
	}
	return entries
}

// TestLedgerFindsWhatWasWritten asks for every key that is there and one beside each.
func TestLedgerFindsWhatWasWritten(t *testing.T) {
	t.Parallel()
	store := newMemory()
	entries := numbered(100_000)
	write(t, store, "g1", entries, true)
	if n := len(store.parts["g1"]); n < 2 {
		t.Fatalf("%d segments: the test does not cross one", n)
	}
	r, err := NewReader(t.Context(), store, "l")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, entry := range entries {
		if versions, found, err := r.Find(entry.Key); err != nil || !found || versions != entry.Versions {
			t.Fatalf("%q: %d, %v, %v; want %d", entry.Key, versions, found, err, entry.Versions)
		}
		if _, found, err := r.Find(fmt.Sprintf("photos/2026/%08d", 2*i+1)); err != nil || found {
			t.Fatalf("a key that is not there: %v, %v", found, err)
		}
	}
}

// TestLedgerCostsFewReads holds the cost of an unchanged key to a hundredth of a read
// unit: DynamoDB bills 4 KiB of an eventually consistent read as half a unit.
func TestLedgerCostsFewReads(t *testing.T) {
	t.Parallel()
	store := newMemory()
	const keys = 100_000
	write(t, store, "g1", numbered(keys), true)
	units := 0.0
	for _, segment := range store.parts["g1"] {
		units += float64((len(segment)+4095)/4096) / 2
	}
	t.Logf("%.4f read units a key", units/keys)
	if units/keys > 0.01 {
		t.Errorf("%.4f read units a key, want at most 0.01", units/keys)
	}
}

func TestInterruptedLedgerLeavesTheOneBefore(t *testing.T) {
	t.Parallel()
	store := newMemory()
	write(t, store, "g1", []Entry{{"a", 1}}, true)
	write(t, store, "g2", []Entry{{"a", 2}}, false)
	r, err := NewReader(t.Context(), store, "l")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if versions, found, err := r.Find("a"); err != nil || !found || versions != 1 {
		t.Errorf("%d, %v, %v; want 1", versions, found, err)
	}
}

func TestLedgerWithoutEntries(t *testing.T) {
	t.Parallel()
	store := newMemory()
	write(t, store, "g1", nil, true)
	r, err := NewReader(t.Context(), store, "l")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, found, err := r.Find("a"); found || err != nil {
		t.Errorf("found %v, %v in an empty ledger", found, err)
	}
}

func TestFingerprintTellsVersionsApart(t *testing.T) {
	t.Parallel()
	const known = 0x3c9d591045bc8876 // fingerprints outlive processes and versions
	if got := Fingerprint("a", "b"); got != known {
		t.Errorf("the fingerprint is %#x, want %#x", got, uint64(known))
	}
	for _, other := range [][]string{{"ab", ""}, {"b", "a"}, {"a"}, {"a", "b", ""}} {
		if Fingerprint(other...) == Fingerprint("a", "b") {
			t.Errorf("%q has the fingerprint of another pair", other)
		}
	}
}

// FuzzSegment reads whatever bytes as a segment: no panic, ascending keys, or an error.
func FuzzSegment(f *testing.F) {
	store := newMemory()
	w, err := NewWriter(store, "l", "g")
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range numbered(3) {
		if err := w.Add(f.Context(), entry); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Complete(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Add(store.parts["g"][0])
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, stored []byte) {
		r, err := NewReader(t.Context(), newMemory(), "l")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		s, err := openSegment(r.decoder, stored)
		if err != nil {
			return
		}
		for last := ""; ; {
			entry, more, err := s.next()
			if err != nil || !more {
				return
			}
			if entry.Key <= last && last != "" {
				t.Fatalf("%q after %q", entry.Key, last)
			}
			last = entry.Key
		}
	})
}
