package journaltest

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/journal"
)

func runTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"runs come newest first":               testRuns,
		"a killed run is found as interrupted": testRunInterrupted,
		"a run that was not begun cannot end":  testRunUnknown,
		"a run cannot begin twice":             testRunTwice,
	}
}

func extrasTests() map[string]func(*testing.T, Store) {
	return map[string]func(*testing.T, Store){
		"extras come once each in byte order": testExtras,
		"many extras come back":               testExtrasMany,
		"cleared extras are gone":             testExtrasCleared,
	}
}

func begun(id string) journal.Run {
	return journal.Run{
		ID: id, Source: "s3://source/a%20b", Destination: "cos://ziel/\xff",
		Started: time.Date(2026, 11, 23, 7, 0, 0, 1000, time.UTC), State: journal.StateRunning,
	}
}

func ended(id, state string) journal.Run {
	run := begun(id)
	run.State, run.Finished, run.Report = state, run.Started.Add(time.Hour), []byte(`{"objects":"1\u0000"}`)
	return run
}

func testRuns(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "BeginRun", j.BeginRun(ctx, begun("2026-1")))
	must(t, "EndRun", j.EndRun(ctx, ended("2026-1", journal.StateDone)))
	must(t, "BeginRun", j.BeginRun(ctx, begun("2026-2")))
	must(t, "EndRun", j.EndRun(ctx, ended("2026-2", journal.StateFailed)))
	must(t, "BeginRun", j.BeginRun(ctx, begun("2026-3")))
	runs, err := store.Open(t).Runs(ctx)
	must(t, "Runs", err)
	mustEqual(t, "runs", []journal.Run{
		begun("2026-3"), ended("2026-2", journal.StateFailed), ended("2026-1", journal.StateDone),
	}, withoutEmptyReports(runs))
}

func testRunInterrupted(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "BeginRun", j.BeginRun(ctx, begun("2026-1")))
	must(t, "BeginRun", store.Open(t).BeginRun(ctx, begun("2026-2")))
	killed := begun("2026-1")
	killed.State = journal.StateInterrupted
	runs, err := store.Open(t).Runs(ctx)
	must(t, "Runs", err)
	mustEqual(t, "runs", []journal.Run{begun("2026-2"), killed}, withoutEmptyReports(runs))
}

func testRunUnknown(t *testing.T, store Store) {
	if err := store.Open(t).EndRun(t.Context(), ended("2026-1", journal.StateDone)); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("EndRun of an unknown run returned %v, want ErrNotFound", err)
	}
}

func testRunTwice(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "BeginRun", j.BeginRun(ctx, begun("2026-1")))
	if err := j.BeginRun(ctx, begun("2026-1")); err == nil {
		t.Error("BeginRun took the same run twice")
	}
	runs, err := j.Runs(ctx)
	must(t, "Runs", err)
	mustEqual(t, "runs", []journal.Run{begun("2026-1")}, withoutEmptyReports(runs))
}

// withoutEmptyReports makes empty and absent reports equal.
func withoutEmptyReports(runs []journal.Run) []journal.Run {
	for i := range runs {
		if len(runs[i].Report) == 0 {
			runs[i].Report = nil
		}
	}
	return runs
}

func testExtras(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	want := hostileKeys()
	for _, i := range rand.Perm(len(want)) {
		must(t, "AddExtras", j.AddExtras(ctx, []string{want[i], want[0]}))
	}
	must(t, "AddExtras", j.AddExtras(ctx, nil))
	mustEqual(t, "extras", want, collect(t, store.Open(t).Extras(ctx)))
}

func testExtrasMany(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	want := numbered(many)
	must(t, "AddExtras", j.AddExtras(ctx, want))
	mustEqual(t, "extras", want, collect(t, j.Extras(ctx)))
}

func testExtrasCleared(t *testing.T, store Store) {
	j, ctx := store.Open(t), t.Context()
	must(t, "AddExtras", j.AddExtras(ctx, []string{"a", "b"}))
	must(t, "ClearExtras", j.ClearExtras(ctx))
	mustEqual(t, "extras", 0, len(collect(t, j.Extras(ctx))))
	must(t, "AddExtras", j.AddExtras(ctx, []string{"b"}))
	mustEqual(t, "extras", []string{"b"}, collect(t, store.Open(t).Extras(ctx)))
}
