package journal_test

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/journal"
)

// TestFailedVersionsAreRemembered by all records after theirs, until the key is done or
// removed: what failed may be attributes that no ETag tells.
func TestFailedVersionsAreRemembered(t *testing.T) {
	t.Parallel()
	const failed, skipped, vanished, interrupted = journal.OutcomeFailed, journal.OutcomeSkipped, journal.OutcomeVanished, journal.OutcomeInterrupted
	for name, test := range map[string]struct {
		before  []journal.Record
		outcome journal.Outcome // of version 3, the last
		failed  string          // versions 1, 2 and 3 that count as failed
	}{
		"the last":                     {nil, failed, "3"},
		"before it vanished":           {[]journal.Record{{Outcome: failed, SourceETag: "1"}}, vanished, "1"},
		"before it was skipped twice":  {[]journal.Record{{Outcome: failed, SourceETag: "1"}, {Outcome: skipped, SourceETag: "2"}}, skipped, "1"},
		"before another failed":        {[]journal.Record{{Outcome: failed, SourceETag: "1"}}, failed, "13"},
		"interrupted, and skipped":     {[]journal.Record{{Outcome: interrupted, SourceETag: "1"}}, skipped, "1"},
		"interrupted twice":            {[]journal.Record{{Outcome: interrupted, SourceETag: "3"}}, interrupted, ""},
		"failed, interrupted":          {[]journal.Record{{Outcome: failed, SourceETag: "3"}}, interrupted, "3"},
		"before it was done":           {[]journal.Record{{Outcome: failed, SourceETag: "1"}, {Outcome: journal.OutcomeDone, SourceETag: "2"}}, skipped, ""},
		"before it was removed":        {[]journal.Record{{Outcome: failed, SourceETag: "1"}, {Outcome: journal.OutcomeDeleted}}, skipped, ""},
		"of which there was no word":   {[]journal.Record{{Outcome: skipped, SourceETag: "1"}}, skipped, ""},
		"twice the same, then another": {[]journal.Record{{Outcome: failed, SourceETag: "1"}, {Outcome: failed, SourceETag: "1"}}, failed, "13"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, got := after(append(test.before, journal.Record{Outcome: test.outcome, SourceETag: "3"})...), ""
			for _, version := range []string{"1", "2", "3"} {
				if record.FailedFor(version) {
					got += version
				}
			}
			if got != test.failed {
				t.Errorf("%q failed, want %q: %+v", got, test.failed, record)
			}
		})
	}
}

// TestFailedVersionsAreBounded: of a key of which too many versions failed, every version
// counts as one that did.
func TestFailedVersionsAreBounded(t *testing.T) {
	t.Parallel()
	var records []journal.Record
	for i := range 100 {
		records = append(records, journal.Record{Outcome: journal.OutcomeFailed, SourceETag: fmt.Sprint(i)})
		record := after(records...)
		if len(record.Unproved) > 8 || !record.FailedFor("0") || record.FailedFor("never seen") != (i > 8) {
			t.Fatalf("after %d: %+v", i+1, record)
		}
	}
}

// after returns the last of records, each of which replaced the one before.
func after(records ...journal.Record) (last journal.Record) {
	for _, record := range records {
		last = record.Keeping(last)
	}
	return last
}
