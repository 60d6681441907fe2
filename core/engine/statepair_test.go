package engine_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// openEngine makes an engine of the world on a state and closes it, and returns why that
// was refused.
func (w *world) openEngine(state *statefile.File, build func(engine.Config) (*engine.Engine, error)) error {
	w.t.Helper()
	parse, parseTo := job.Parse, job.ParseDestination
	if !strings.HasSuffix(w.from, "src") && !strings.HasSuffix(w.from, "/") && !strings.HasSuffix(w.from, "*") {
		parse, parseTo = job.ParseObject, job.ParseObject
	}
	source, err := parse(w.from)
	if err != nil {
		w.t.Fatal(err)
	}
	destination, err := parseTo(w.to)
	if err != nil {
		w.t.Fatal(err)
	}
	from, to := w.open(w.source.Endpoint(), source.Bucket), w.open(w.destination.Endpoint(), destination.Bucket)
	defer from.Close()
	defer to.Close()
	w.settings.State = w.state
	e, err := build(engine.Config{
		Job: job.Job{Source: source, Destination: destination, Settings: w.settings}, Source: from, Destination: to,
		State: state, Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
	})
	if err == nil {
		e.Close()
	}
	return err
}

// claim opens the state and makes an engine on it.
func (w *world) claim(build func(engine.Config) (*engine.Engine, error)) error {
	w.t.Helper()
	state, err := statefile.Open(w.t.Context(), w.state, statefile.Options{Command: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	return w.openEngine(state, build)
}

// TestStateIsOfOnePair: a state is refused for other locations, also where they have the
// same addresses, for a reader alone, and to copy one object.
func TestStateIsOfOnePair(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(w *world)
		build  func(engine.Config) (*engine.Engine, error)
		other  string // part of the refusal; empty for none
	}{
		"the same":                   {func(*world) {}, engine.New, ""},
		"another destination prefix": {func(w *world) { w.to = "mem://dst/else/" }, engine.New, "is of mem://src -> mem://dst, not of mem://src -> mem://dst/else/"},
		"another source prefix":      {func(w *world) { w.from = "mem://src/dir/" }, engine.New, "not of mem://src/dir/ -> mem://dst"},
		"some keys of the same":      {func(w *world) { w.from = "mem://src/di*" }, engine.New, "not of mem://src/di* -> mem://dst"},
		"another endpoint":           {func(w *world) { w.source = startServer(w.t, "src") }, engine.New, "which are at another endpoint"},
		"another destination's endpoint": {
			func(w *world) { w.destination = startServer(w.t, "dst") }, engine.New, "which are at another endpoint",
		},
		"one object of it": {func(w *world) { w.from, w.to = "mem://src/a", "mem://dst/a" }, engine.NewObject, "not of mem://src/a -> mem://dst/a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("a", content(10, 1), driver.Attributes{})
			w.sync()
			test.change(w)
			check := func(how string, err error) {
				var mistake *job.Error
				switch {
				case test.other == "" && err == nil:
				case test.other == "" || !errors.As(err, &mistake) || !mistake.Usage ||
					!strings.Contains(err.Error(), test.other) || !strings.Contains(err.Error(), w.state) || !strings.Contains(err.Error(), "--state"):
					t.Errorf("%s: %v", how, err)
				}
			}
			check("to write", w.claim(test.build))
			state, err := statefile.OpenReadOnly(t.Context(), w.state)
			if err != nil {
				t.Fatal(err)
			}
			defer state.Close()
			check("to read", w.openEngine(state, test.build))
		})
	}
}

// TestStateKeepsUploadsOfItsPair: what another pair of locations may not touch goes on.
func TestStateKeepsUploadsOfItsPair(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(20*minPart, 1), driver.Attributes{})
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Times: 1, Effect: memdriver.Do(cancel)})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 10, Effect: memdriver.Hold(release)})
	if _, err := w.trySync(ctx); err == nil {
		t.Fatal("the run was not interrupted")
	}
	close(release)
	w.destination.Heal()
	other := newWorld(t)
	other.state = w.state
	if err := other.claim(engine.New); err == nil {
		t.Error("another pair took the state")
	}
	before := w.destination.Count("Part")
	w.sync()
	if sent := w.destination.Count("Part") - before; sent > 11 {
		t.Errorf("%d of 20 parts were sent again", sent)
	}
	w.same()
}

// TestStateKeepsWhatAKilledRunWasAt: what a killed run was copying is in the queue alone until the
// next run puts it on record. Another pair of locations, which would drop it, does not get the state.
func TestStateKeepsWhatAKilledRunWasAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	w.put("a", content(100, 1), driver.Attributes{})
	w.killed("Put", func() {})
	if records := w.records(); len(records) != 0 {
		t.Fatalf("on record already: %+v", records)
	}
	other := newWorld(t)
	other.state = w.state
	state, err := statefile.OpenReadOnly(t.Context(), w.state)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	for how, err := range map[string]error{"to read": other.openEngine(state, engine.New), "to write": other.claim(engine.New)} {
		if err == nil || !strings.Contains(err.Error(), "is of mem://src -> mem://dst") {
			t.Errorf("%s: another pair took the state: %v", how, err)
		}
	}
	w.sync()
	if record := w.records()["a"]; record.Outcome != journal.OutcomeDone {
		t.Errorf("%+v", record)
	}
	w.same()
}

// TestStateOfAnOlderVersion is of the pair that its runs agree on.
func TestStateOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		runs    [][2]string
		refused bool
	}{
		"no run":       {nil, false},
		"ours":         {[][2]string{{"mem://src", "mem://dst"}, {"mem://src", "mem://dst"}}, false},
		"another's":    {[][2]string{{"mem://else", "mem://dst"}}, true},
		"of two pairs": {[][2]string{{"mem://else", "mem://dst"}, {"mem://src", "mem://dst"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			state, err := statefile.Open(t.Context(), w.state, statefile.Options{Command: "test"})
			if err != nil {
				t.Fatal(err)
			}
			kept := sqlite.New(state)
			for i, run := range test.runs {
				id := string(rune('a' + i))
				err = errors.Join(err, kept.BeginRun(t.Context(), journal.Run{ID: id, Source: run[0], Destination: run[1], Started: time.Now()}))
			}
			err = errors.Join(err, state.Update(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.Exec("DELETE FROM pair")
				return err
			}), state.Close())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.claim(engine.New); (err != nil) != test.refused {
				t.Fatalf("refused with %v", err)
			}
			if test.refused {
				return
			}
			other := newWorld(t)
			other.state = w.state
			w.put("a", nil, driver.Attributes{})
			w.sync() // a state without a record is anyone's
			if err := other.claim(engine.New); err == nil {
				t.Error("it did not become ours")
			}
		})
	}
}

// TestEmptyStateIsTakenOver: a run that recorded nothing, as one whose location was mistyped,
// does not keep the right pair from its state.
func TestEmptyStateIsTakenOver(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	other.state = w.state
	for _, next := range []*world{w, other, w} {
		if err := next.claim(engine.New); err != nil {
			t.Fatal(err)
		}
	}
	w.put("a", content(10, 1), driver.Attributes{})
	w.sync()
	if err := other.claim(engine.New); err == nil {
		t.Error("a state with a record was taken over")
	}
}
