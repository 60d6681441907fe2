package journaltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// many is more records than any implementation reads at a time.
const many = 3500

func recordTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"records come back as they were appended":    testRecordRoundTrip,
		"an empty journal has no records":            testRecordsEmpty,
		"a record replaces the one before":           testRecordReplaced,
		"records come in byte order of their keys":   testRecordOrder,
		"a scan of many records misses none":         testScanMany,
		"a scan can be left and begun again":         testScanLeft,
		"a scan ends with its context":               testScanCancelled,
		"a scan goes on while records are written":   testScanWhileWriting,
		"failures are those of one run in key order": testFailures,
		"adapted objects are listed by run":          testAdapted,
		"a repaired failure is no failure":           testFailureRepaired,
		"vanished objects are failures, deleted not": testVanished,
		"an unknown outcome is refused whole":        testAppendRefused,
		"appending with an ended context is clear":   testAppendCancelled,
	}
}

func testRecordRoundTrip(t *testing.T, store Store) {
	want := []journal.Record{
		record("a"),
		{Key: "b", Run: "run-2", Outcome: journal.OutcomeFailed, Error: "quote \" and \x00 and \xff", Replans: 3},
		{Key: "c", Outcome: journal.OutcomeSkipped, Size: -1, At: time.Unix(0, 0).UTC()},
		{Key: "d", Outcome: journal.OutcomeDone, Grade: journal.GradeOne, Checksum: driver.Checksum{Algorithm: driver.AlgorithmMD5, Value: "0123456789abcdef", Composite: true}},
		{Key: "e", Outcome: journal.OutcomeDone, Grade: journal.GradeSize},
		{Key: "f", Outcome: journal.OutcomeDone, Written: "f%0A\xff", Changes: []string{"tags left out", ""}},
		{Key: "g", Outcome: journal.OutcomeDeleted, Run: "run-2"},
		{Key: "h", Outcome: journal.OutcomeVanished, SourceModified: time.Unix(1_790_000_000, 0).UTC()},
		{Key: "i", Outcome: journal.OutcomeInterrupted, Run: "run-2", SourceETag: "e"},
	}
	appendRecords(t, store.Open(t), want...)
	mustEqual(t, "records", want, collect(t, store.Open(t).Scan(t.Context())))
}

func testRecordsEmpty(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j)
	mustEqual(t, "records", 0, len(collect(t, j.Scan(t.Context()))))
	mustEqual(t, "failures", 0, len(collect(t, j.Failures(t.Context(), "run"))))
}

func testRecordReplaced(t *testing.T, store Store) {
	j := store.Open(t)
	first, second, third := record("k"), failure("k", "run-2"), record("k")
	third.Size = 7
	appendRecords(t, j, first, record("other"))
	appendRecords(t, j, second, third)                                                                 // the later one of the same call wins
	mustEqual(t, "records", []journal.Record{third, record("other")}, collect(t, j.Scan(t.Context()))) // a done one keeps nothing
	mustEqual(t, "failures", 0, len(collect(t, j.Failures(t.Context(), "run-2"))))
}

func testRecordOrder(t *testing.T, store Store) {
	j := store.Open(t)
	want := hostileKeys()
	for _, i := range rand.Perm(len(want)) {
		appendRecords(t, j, record(want[i]))
	}
	mustEqual(t, "keys", want, keysOf(collect(t, j.Scan(t.Context()))))
}

func testScanMany(t *testing.T, store Store) {
	j := store.Open(t)
	want := numbered(many)
	records := make([]journal.Record, many)
	for i, at := range rand.Perm(many) {
		records[i] = record(want[at])
	}
	for part := range slices.Chunk(records, 500) {
		appendRecords(t, j, part...)
	}
	mustEqual(t, "keys", want, keysOf(collect(t, j.Scan(t.Context()))))
}

func testScanLeft(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j, record("a"), record("b"), record("c"))
	scan := j.Scan(t.Context())
	for range 100 { // a leak of what a scan holds would show
		for r, err := range scan {
			must(t, "Scan", err)
			mustEqual(t, "first key", "a", r.Key)
			break
		}
	}
	appendRecords(t, j, record("d"))
	mustEqual(t, "keys", []string{"a", "b", "c", "d"}, keysOf(collect(t, scan)))
}

func testScanCancelled(t *testing.T, store Store) {
	j := store.Open(t)
	var records []journal.Record
	for _, key := range numbered(many) {
		records = append(records, record(key))
	}
	appendRecords(t, j, records...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failures []error
	seen := 0
	for _, err := range j.Scan(ctx) {
		if err != nil {
			failures = append(failures, err)
			continue
		}
		seen++
		cancel()
	}
	if len(failures) != 1 || !errors.Is(failures[0], context.Canceled) {
		t.Errorf("a cancelled scan yielded errors %v, want context.Canceled once, at its end", failures)
	}
	if seen >= many {
		t.Errorf("a cancelled scan yielded all %d records", seen)
	}
}

func testScanWhileWriting(t *testing.T, store Store) {
	j := store.Open(t)
	keys := numbered(many)
	var records []journal.Record
	for _, key := range keys {
		records = append(records, record(key))
	}
	appendRecords(t, j, records...)

	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			r := record(keys[rand.IntN(many)])
			r.Size++
			if err := j.Append(t.Context(), []journal.Record{r, failure("new/"+r.Key, "run")}); err != nil {
				t.Errorf("Append during a scan: %v", err)
				return
			}
		}
	})
	for range 5 {
		got := keysOf(collect(t, j.Scan(t.Context())))
		if !slices.IsSorted(got) {
			t.Error("the scan is out of order")
		}
		mustEqual(t, "keys that were there all the time", keys, got[:min(many, len(got))])
	}
	stop()
	writing.Wait()
}

func testAdapted(t *testing.T, store Store) {
	j := store.Open(t)
	var want []journal.Record
	for i, key := range hostileKeys() {
		adapted := record(key)
		adapted.Run = "run-2"
		if i%2 == 0 {
			adapted.Written = "%" + key
		} else {
			adapted.Changes = []string{"metadata left out"}
		}
		failed := failure("failed/"+key, "run-2")
		failed.Changes = []string{"it did not come to this"}
		earlier := record("old/" + key)
		earlier.Changes, earlier.Run = adapted.Changes, "run-1"
		want = append(want, adapted)
		appendRecords(t, j, adapted, failed, earlier, record("done/"+key))
	}
	mustEqual(t, "adapted", want, collect(t, j.Adapted(t.Context(), "run-2")))
	plain := record(want[0].Key)
	plain.Run = "run-2"
	appendRecords(t, j, plain)
	mustEqual(t, "adapted, one of them copied again as it is", want[1:], collect(t, j.Adapted(t.Context(), "run-2")))
}

func testFailures(t *testing.T, store Store) {
	j := store.Open(t)
	var want []journal.Record
	for _, key := range hostileKeys() {
		failed := failure(key, "run-2")
		failed.Outcome = []journal.Outcome{
			journal.OutcomeSkipped, journal.OutcomeFailed, journal.OutcomeVanished, journal.OutcomeInterrupted,
		}[len(key)%4]
		want = append(want, failed)
		appendRecords(t, j, failed, record("done/"+key), failure("old/"+key, "run-1"), failure("zzz/"+key, ""))
	}
	mustEqual(t, "failures", want, collect(t, j.Failures(t.Context(), "run-2")))
	mustEqual(t, "failures of an unknown run", 0, len(collect(t, j.Failures(t.Context(), "run"))))
	mustEqual(t, "failures of a run without a name", len(want), len(collect(t, j.Failures(t.Context(), ""))))
}

func testFailureRepaired(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j, failure("a", "run-1"), failure("b", "run-1"), failure("c", "run-1"))
	appendRecords(t, j, record("a"), failure("b", "run-2"))
	left := keysOf(collect(t, j.Failures(t.Context(), "run-1")))
	left = slices.DeleteFunc(left, func(key string) bool { return key == "b" }) // which a later run has taken up
	mustEqual(t, "failures", []string{"c"}, left)
	mustEqual(t, "failures", []string{"b"}, keysOf(collect(t, j.Failures(t.Context(), "run-2"))))
}

func testAppendRefused(t *testing.T, store Store) {
	j := store.Open(t)
	if err := j.Append(t.Context(), []journal.Record{record("a"), {Key: "b", Outcome: "perhaps"}}); err == nil {
		t.Error("Append took a record with an unknown outcome")
	}
	mustEqual(t, "records", 0, len(collect(t, j.Scan(t.Context()))))
}

func testAppendCancelled(t *testing.T, store Store) {
	j := store.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := j.Append(ctx, []journal.Record{record("a")})
	if got := len(collect(t, j.Scan(t.Context()))); (err == nil) != (got == 1) {
		t.Errorf("Append with an ended context returned %v and left %d records", err, got)
	}
}
