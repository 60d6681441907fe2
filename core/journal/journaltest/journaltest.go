// Package journaltest checks that an implementation of journal.Journal keeps
// its contract. Every implementation runs it.
package journaltest

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// Store is one place where a journal lies, empty at first.
type Store interface {
	// Open returns the store's journal as a new process sees it. What an earlier one
	// opened is not used any more.
	Open(t testing.TB) journal.Journal
}

// Run checks the contract. It calls newStore for each test.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	for _, tests := range []map[string]func(*testing.T, Store){recordTests(), proofTests(), uploadTests(), runTests(), extrasTests()} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newStore(t))
			})
		}
	}
}

// hostileKeys ascend by bytes and hold what keys may hold, valid UTF-8 or not.
func hostileKeys() []string {
	return []string{
		"", "\x00", "\x00\x00", "\x00a", "\n", " ", " a", "\"", "%2F", "'; DROP TABLE objects; --",
		"..", "/", "//", "A", "Z", "a", "a\x00", "a\x00b", "a ", "a/", "a//b", "a0", "aa", "b", "\xc0\x80", "é", "鍵", "🔑", "\xff", "\xff\x00", "\xff\xff",
	}
}

func record(key string) journal.Record {
	return journal.Record{
		Key:             key,
		Run:             "run-1",
		Outcome:         journal.OutcomeDone,
		Size:            1 << 40,
		SourceETag:      "W/\"9a0364b9e99bb480dd25e1f0284c8555\"",
		SourceVersion:   "3HL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY",
		SourceModified:  time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC),
		DestinationETag: "9a0364b9e99bb480dd25e1f0284c8555-7",
		Checksum:        driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\x00\x01\xfe\xff\x00\x00\x00\x00"},
		Grade:           journal.GradeBoth,
		Replans:         2,
		At:              time.Date(2026, 11, 23, 6, 56, 26, 123456789, time.UTC),
	}
}

func failure(key, run string) journal.Record {
	return journal.Record{Key: key, Run: run, Outcome: journal.OutcomeFailed, Error: "denied by the destination"}
}

func appendRecords(t *testing.T, j journal.Journal, records ...journal.Record) {
	t.Helper()
	if err := j.Append(t.Context(), records); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

// collect returns all that a sequence yields.
func collect[T any](t *testing.T, sequence iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for value, err := range sequence {
		if err != nil {
			t.Fatalf("after %d entries: %v", len(all), err)
		}
		all = append(all, value)
	}
	return all
}

func keysOf(records []journal.Record) []string {
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

// numbered returns count keys in ascending order. Most are the one before and a
// zero byte: nothing sorts between them, so a scan that goes on from the wrong place misses one.
func numbered(count int) []string {
	const row = 47 // divides no round number, at which an implementation may pause
	keys := make([]string, count)
	for i := range keys {
		keys[i] = fmt.Sprintf("dir/%06d", i/row) + strings.Repeat("\x00", i%row)
	}
	return keys
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differ (-want +got):\n%s", what, diff)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
