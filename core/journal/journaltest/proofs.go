package journaltest

import (
	"slices"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
)

func proofTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"a failure keeps the last proof":           testProofKept,
		"a proof outlives many failures":           testProofOutlives,
		"a record that is done ends the old proof": testProofReplaced,
		"a deletion ends the proof":                testProofDeleted,
		"what never was proved has no proof":       testProofNone,
		"an interruption hides no outcome":         testInterrupted,
		"two failures of one call keep the proof":  testProofWithinCall,
	}
}

func proofOf(r journal.Record) journal.Proof {
	return journal.Proof{
		Size: r.Size, SourceETag: r.SourceETag, SourceVersion: r.SourceVersion, SourceModified: r.SourceModified,
		DestinationETag: r.DestinationETag, Grade: r.Grade,
	}
}

// only returns the one record of the journal, as the next process sees it.
func only(t *testing.T, store Store) journal.Record {
	t.Helper()
	records := collect(t, store.Open(t).Scan(t.Context()))
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	return records[0]
}

func testProofKept(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j, record("k"))
	want := failure("k", "run-2")
	appendRecords(t, j, want)
	want.Proved = proofOf(record("k"))
	mustEqual(t, "record", want, only(t, store))
}

func testProofOutlives(t *testing.T, store Store) {
	var unproved []string // versions that may have left bytes without attributes
	since := ""
	for _, outcome := range []journal.Outcome{
		journal.OutcomeFailed, journal.OutcomeSkipped, journal.OutcomeVanished, journal.OutcomeInterrupted,
	} {
		j := store.Open(t)
		if outcome == journal.OutcomeFailed {
			appendRecords(t, j, record("k"))
		}
		next := failure("k", "run-"+string(outcome))
		next.Outcome, next.SourceETag = outcome, "of "+string(outcome)
		appendRecords(t, j, next)
		next.Proved, next.Unproved, next.Since = proofOf(record("k")), slices.Clone(unproved), since
		mustEqual(t, "record that is "+string(outcome), next, only(t, store))
		if outcome == journal.OutcomeFailed || outcome == journal.OutcomeInterrupted {
			unproved = append(unproved, next.SourceETag)
		}
		since = "run-failed"
	}
}

func testProofReplaced(t *testing.T, store Store) {
	j := store.Open(t)
	newer := record("k")
	newer.SourceETag, newer.DestinationETag, newer.Grade = "new", "new-2", journal.GradeOne
	appendRecords(t, j, record("k"))
	appendRecords(t, j, failure("k", "run-2"))
	appendRecords(t, j, newer)
	mustEqual(t, "done record", newer, only(t, store))
	appendRecords(t, store.Open(t), failure("k", "run-3"))
	mustEqual(t, "proof", proofOf(newer), only(t, store).Proved)
}

func testProofDeleted(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j, record("k"))
	deleted := journal.Record{Key: "k", Run: "run-2", Outcome: journal.OutcomeDeleted}
	appendRecords(t, j, deleted)
	mustEqual(t, "tombstone", deleted, only(t, store))
	appendRecords(t, store.Open(t), failure("k", "run-3"))
	mustEqual(t, "failure after it", failure("k", "run-3"), only(t, store))
}

func testProofNone(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j, failure("k", "run-1"))
	again := failure("k", "run-2")
	appendRecords(t, j, again)
	again.Since = "run-1"
	mustEqual(t, "record", again, only(t, store))
}

func testInterrupted(t *testing.T, store Store) {
	j := store.Open(t)
	interrupted := func(key string) journal.Record {
		return journal.Record{Key: key, Run: "run-2", Outcome: journal.OutcomeInterrupted, At: time.Unix(1_790_000_000, 0).UTC()}
	}
	done := record("done")
	done.Run = "run-2"
	appendRecords(t, j, done, record("earlier"), failure("failed", "run-2"))
	appendRecords(t, j, interrupted("absent"), interrupted("done"), interrupted("earlier"), interrupted("failed"))
	appendRecords(t, store.Open(t), interrupted("absent"), interrupted("done"), interrupted("earlier"), interrupted("failed")) // killed, and begun again
	kept := interrupted("earlier")
	kept.Proved = proofOf(record("earlier"))
	mustEqual(t, "records", []journal.Record{interrupted("absent"), done, kept, failure("failed", "run-2")}, collect(t, store.Open(t).Scan(t.Context())))
	mustEqual(t, "failures", []string{"absent", "earlier", "failed"}, keysOf(collect(t, store.Open(t).Failures(t.Context(), "run-2"))))
}

func testProofWithinCall(t *testing.T, store Store) {
	appendRecords(t, store.Open(t), record("k"))
	appendRecords(t, store.Open(t), failure("k", "run-2"), failure("k", "run-3"))
	mustEqual(t, "proof", proofOf(record("k")), only(t, store).Proved)
}

func testVanished(t *testing.T, store Store) {
	j := store.Open(t)
	appendRecords(t, j,
		journal.Record{Key: "a", Run: "run", Outcome: journal.OutcomeVanished}, journal.Record{Key: "b", Run: "run", Outcome: journal.OutcomeDeleted},
		journal.Record{Key: "c", Run: "run", Outcome: journal.OutcomeSkipped},
	)
	mustEqual(t, "failures", []string{"a", "c"}, keysOf(collect(t, j.Failures(t.Context(), "run"))))
}
