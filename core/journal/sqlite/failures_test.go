package sqlite

import (
	"slices"
	"testing"

	"github.com/dth-dev/dth/core/journal"
)

// TestFailuresAreNotForgotten: what a run left undone stays its failure while later runs
// leave it so, until it is done or deleted.
func TestFailuresAreNotForgotten(t *testing.T) {
	t.Parallel()
	j := newStore(t).Open(t)
	for _, step := range []struct {
		run      string
		outcomes map[string]journal.Outcome
	}{
		{"run-0", map[string]journal.Outcome{"a": journal.OutcomeFailed}},
		{"run-1", map[string]journal.Outcome{
			"a": journal.OutcomeFailed, "b": journal.OutcomeFailed, "c": journal.OutcomeSkipped, "d": journal.OutcomeFailed, "e": journal.OutcomeFailed, "f": journal.OutcomeFailed,
		}},
		{"run-2", map[string]journal.Outcome{
			"a": journal.OutcomeFailed, "c": journal.OutcomeInterrupted, "d": journal.OutcomeDone, "e": journal.OutcomeDeleted, "g": journal.OutcomeFailed,
		}},
		{"run-3", map[string]journal.Outcome{"a": journal.OutcomeVanished, "d": journal.OutcomeFailed, "e": journal.OutcomeFailed}},
	} {
		for key, outcome := range step.outcomes {
			if err := j.Append(t.Context(), []journal.Record{{Key: key, Run: step.run, Outcome: outcome}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for run, want := range map[string][]string{
		"run": nil, "run-0": {"a"}, "run-1": {"a", "b", "c", "f"}, "run-2": {"a", "c", "g"}, "run-3": {"a", "d", "e"}, "run-4": nil,
	} {
		var got []string
		for record, err := range j.Failures(t.Context(), run) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, record.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s left %q, want %q", run, got, want)
		}
	}
}
