package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// snapshot returns a copy of the state as a process that is killed now would leave it.
func (w *world) snapshot() string {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, name := range []string{"state.db", "state.db-wal"} {
		content, err := os.ReadFile(filepath.Join(w.state, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			w.t.Error(err)
		}
	}
	return dir
}

// killed runs a sync that is killed at the first such request of the destination, after
// the request had its effect, and returns that run's name. then is called at that moment,
// before the effect.
func (w *world) killed(call string, then func()) string {
	w.t.Helper()
	var left string
	var once sync.Once
	w.destination.Inject(memdriver.Fault{Call: call, Times: 1, Effect: memdriver.Do(func() {
		once.Do(func() { left = w.snapshot() })
		then()
	})})
	report, _ := w.trySync(w.t.Context())
	w.destination.Heal()
	if left == "" {
		w.t.Fatal("it was not killed")
	}
	w.state = left
	return report.Run
}

// TestKilledAfterThePutLanded: time is no proof of an object that a killed run was at.
func TestKilledAfterThePutLanded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rules    func(*driver.Session)
		rewrite  bool
		next     func(w *world, killed string) (*observe.Report, error)
		copied   int64
		recorded journal.Outcome
	}{
		"rewritten meanwhile":          {opaqueETags, true, nextSync, 1, journal.OutcomeDone},
		"as it was":                    {opaqueETags, false, nextSync, 1, journal.OutcomeDone},
		"as it was, and both say so":   {nil, false, nextSync, 0, journal.OutcomeInterrupted},
		"rewritten, and both say so":   {nil, true, nextSync, 1, journal.OutcomeDone},
		"taken again":                  {opaqueETags, true, nextRetry, 1, journal.OutcomeDone},
		"killed twice, then rewritten": {opaqueETags, true, killedAgain, 1, journal.OutcomeDone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules = test.rules
			at := time.Now().Truncate(time.Second)
			now := func() time.Time { return at }
			w.source, w.destination = startServerAs(t, "src", memdriver.Config{Now: now}), startServerAs(t, "dst", memdriver.Config{Now: now})
			w.put("a", content(100, 1), driver.Attributes{})
			want := content(100, 1)
			run := w.killed("Put", func() {
				if test.rewrite {
					want = content(100, 2)
					w.put("a", want, driver.Attributes{})
				}
			})
			report, err := test.next(w, run)
			if err != nil || report.State != "done" || report.Objects.Copied != test.copied {
				t.Errorf("%v, %+v", err, report.Objects)
			}
			w.arrived("a", want)
			if got := w.records()["a"]; got.Outcome != test.recorded {
				t.Errorf("on record %+v", got)
			}
			if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != 1 {
				t.Errorf("the next sync: %+v", report.Objects)
			}
		})
	}
}

func nextSync(w *world, _ string) (*observe.Report, error) { return w.trySync(w.t.Context()) }

func nextRetry(w *world, killed string) (*observe.Report, error) { return w.retry(killed) }

// killedAgain has the next run killed before it did anything.
func killedAgain(w *world, _ string) (*observe.Report, error) {
	w.source.Inject(memdriver.Fault{Call: "List", Times: 1, Effect: memdriver.Do(func() { w.state = w.snapshot() })})
	next := *w
	if _, err := next.trySync(w.t.Context()); err != nil {
		return nil, err
	}
	w.source.Heal()
	return w.trySync(w.t.Context())
}

// TestKilledRunKeepsTheLastProof: an object that was copied, and changed, and a run that
// was killed while it copied the change, leave the earlier proof on record.
func TestKilledRunKeepsTheLastProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	w.put("a", content(100, 1), driver.Attributes{})
	w.put("b", content(100, 1), driver.Attributes{})
	w.sync()
	proved := w.records()["a"].LastProof()
	w.put("a", content(100, 2), driver.Attributes{})
	run := w.killed("Put", func() {})
	if _, err := w.destination.Put("dst", "a", content(100, 1), driver.Attributes{}); err != nil { // it did not land
		t.Fatal(err)
	}
	w.put("a", content(100, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Fail(400, "Broken")})
	if report, err := w.trySync(t.Context()); err == nil {
		t.Fatalf("%+v", report.Objects)
	}
	got := w.records()
	if got["a"].Outcome != journal.OutcomeInterrupted || got["a"].Run != run || got["a"].Proved != proved || got["a"].Error == "" {
		t.Errorf("on record %+v", got["a"])
	}
	if got["b"].Outcome != journal.OutcomeDone {
		t.Errorf("what was not under way: %+v", got["b"])
	}
}

// TestStoppedRunDoubtsWhatWasOpen: a run that ends by itself with work open leaves as
// little proof of it as one that is killed.
func TestStoppedRunDoubtsWhatWasOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	at := time.Now().Truncate(time.Second)
	now := func() time.Time { return at }
	w.source, w.destination = startServerAs(t, "src", memdriver.Config{Now: now}), startServerAs(t, "dst", memdriver.Config{Now: now})
	w.put("a", content(100, 1), driver.Attributes{})
	w.destination.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.LoseAnswer()})
	w.destination.Inject(memdriver.Fault{Call: "Put", First: 2, Effect: memdriver.Fail(403, "Expired")})
	if report, err := w.trySync(t.Context()); err == nil || report.State != "interrupted" {
		t.Fatalf("%v, %+v", err, report)
	}
	w.arrived("a", content(100, 1))
	w.destination.Heal()
	w.put("a", content(100, 2), driver.Attributes{})
	if report := w.sync(); report.Objects.Copied != 1 {
		t.Errorf("%+v", report.Objects)
	}
	w.arrived("a", content(100, 2))
}

// TestLatePutIsFound: a PUT of a killed run that lands after a later run copied the object
// again is found by the run after that.
func TestLatePutIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	w.put("a", content(100, 1), driver.Attributes{})
	w.killed("Put", func() { w.put("a", content(100, 2), driver.Attributes{}) })
	w.sync()
	w.arrived("a", content(100, 2))
	if _, err := w.destination.Put("dst", "a", content(100, 1), driver.Attributes{}); err != nil { // it lands
		t.Fatal(err)
	}
	if report := w.sync(); report.Objects.Copied != 1 {
		t.Errorf("%+v", report.Objects)
	}
	w.arrived("a", content(100, 2))
}

// TestManyInterruptedObjects: what was not handed out yet, beyond one mark, is not doubted.
func TestManyInterruptedObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	const objects = 250
	for i := range objects {
		w.put(string(rune('a'+i%26))+string(rune('a'+i/26)), content(1, 1), driver.Attributes{})
	}
	run := w.killed("Put", func() {})
	if report := w.sync(); report.Objects.Copied+report.Objects.Equal != objects {
		t.Errorf("%+v", report.Objects)
	}
	w.same()
	w.with(func(e *engine.Engine) {
		if report, err := e.Retry(t.Context(), run); err != nil || report.Objects.Planned != 0 {
			t.Errorf("nothing is left to retry: %v, %+v", err, report.Objects)
		}
	})
}

// TestPlanTellsWhatTheNextRunDoes after one that was killed.
func TestPlanTellsWhatTheNextRunDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = opaqueETags
	for _, key := range []string{"a", "b", "c", "d"} {
		w.put(key, content(100, 1), driver.Attributes{})
	}
	w.settings.Transfers = 1
	w.sync()
	w.put("b", content(100, 2), driver.Attributes{})
	w.put("e", content(100, 1), driver.Attributes{})
	w.killed("Put", func() {})
	w.put("b", content(100, 3), driver.Attributes{})
	w.put("f", content(100, 1), driver.Attributes{})
	state, err := statefile.OpenReadOnly(t.Context(), w.state)
	if err != nil {
		t.Fatal(err)
	}
	var forecast engine.Forecast
	w.on(state, func(e *engine.Engine) { forecast, err = e.Plan(t.Context()) })
	if err := errors.Join(err, state.Close()); err != nil {
		t.Fatal(err)
	}
	report := w.sync()
	if forecast.ToCopy() != report.Objects.Copied || forecast.Equal != report.Objects.Equal || report.Objects.Equal != 3 {
		t.Errorf("planned %+v, done %+v", forecast, report.Objects)
	}
}
