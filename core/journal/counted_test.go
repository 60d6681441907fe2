package journal_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
)

// TestCountsOfAllMessagesAddUp to those of the last record, and are those that each message
// counted when it wrote.
func TestCountsOfAllMessagesAddUp(t *testing.T) {
	t.Parallel()
	last := journal.Record{Run: "another", Message: "m0", Outcome: journal.OutcomeDone, Size: 5}
	tallies := map[string]journal.Counts{}
	for i, message := range []string{"m1", "m2", "m2", "m3", "m1", "m4", "m5", "m6"} {
		outcome := []journal.Outcome{journal.OutcomeFailed, journal.OutcomeDone, journal.OutcomeSkipped}[i%3]
		last = journal.Record{Run: "run", Message: message, Outcome: outcome, Size: int64(i)}.Keeping(last)
		tallies[message] = last.CountsOf(message)
		var total journal.Counts
		for _, counts := range tallies {
			total.Add(counts)
		}
		if diff := cmp.Diff(last.Counts(), total); diff != "" {
			t.Errorf("after %d records (-want +got):\n%s", i+1, diff)
		}
		for j := range 3 { // the last messages, worked on again
			again := fmt.Sprint("m", 6-j)
			if want, known := tallies[again]; known && last.CountsOf(again) != want {
				t.Errorf("after %d records %s counts %+v, want %+v", i+1, again, last.CountsOf(again), want)
			}
		}
		if len(last.Counted) > 4 {
			t.Errorf("%d are kept", len(last.Counted))
		}
	}
	if next := (journal.Record{Run: "next", Message: "m7", Outcome: journal.OutcomeFailed}).Keeping(last); len(next.Counted) != 0 {
		t.Errorf("another run keeps %+v", next.Counted)
	}
}
