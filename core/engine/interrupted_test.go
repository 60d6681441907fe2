package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestInterruptionIsToldTruthfully interrupts a run at each kind of request. It is done
// where its work came to its end all the same, else interrupted, and on record either way.
func TestInterruptionIsToldTruthfully(t *testing.T) {
	t.Parallel()
	atSource := map[string]bool{"Get": true, "Stat": true}
	for name, test := range map[string]struct {
		call  string
		first int
		begun func(*world) func(context.Context) (*observe.Report, error)
	}{
		"sync lists":             {"List", 1, syncAll},
		"sync reads":             {"Get", 1, syncAll},
		"sync writes":            {"Put", 1, syncAll},
		"sync writes the last":   {"Put", 3, syncAll},
		"sync deletes":           {"Delete", 1, syncAll},
		"sync deletes the last":  {"Delete", 2, syncAll},
		"retry looks":            {"Stat", 1, retryAll},
		"retry looks at another": {"Stat", 2, retryAll},
		"retry writes":           {"Put", 1, retryAll},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, key := range []string{"a", "b", "c"} {
				w.put(key, content(10, 1), driver.Attributes{})
			}
			ctx, interrupt := context.WithCancel(t.Context())
			server := w.destination
			if atSource[test.call] {
				server = w.source
			}
			run := test.begun(w)
			server.Inject(memdriver.Fault{Call: test.call, First: test.first, Times: 1, Effect: memdriver.Do(interrupt)})
			report, err := run(ctx)
			var parked *engine.ParkedError
			switch {
			case report == nil:
				t.Fatalf("no report: %v", err)
			case err == nil:
				if report.State != "done" || len(w.destination.Keys("dst")) != 3 {
					t.Errorf("state %q, the destination has %q", report.State, w.destination.Keys("dst"))
				}
			case !errors.As(err, &parked) || report.State != "interrupted" || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted"):
				t.Errorf("state %q, error %v", report.State, err)
			}
			w.destination.Heal()
			w.source.Heal()
			w.settings.Delete = false
			w.sync()
		})
	}
}

// syncAll returns a sync with two objects to delete.
func syncAll(w *world) func(context.Context) (*observe.Report, error) {
	w.t.Helper()
	for _, key := range []string{"x", "y"} {
		if _, err := w.destination.Put("dst", key, nil, driver.Attributes{}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Count: 100, Written: "100"}
	return w.trySync
}

// retryAll returns the retry of a run in which everything failed.
func retryAll(w *world) func(context.Context) (*observe.Report, error) {
	w.t.Helper()
	w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Fail(400, "Broken")})
	first, err := w.trySync(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.source.Heal()
	return func(ctx context.Context) (report *observe.Report, err error) {
		w.with(func(e *engine.Engine) { report, err = e.Retry(ctx, first.Run) })
		return report, err
	}
}

// TestInterruptedCopy: what was copied within the grace after an interruption is done.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		held  bool
		state string
	}{"it ends in time": {false, "done"}, "it does not end in time": {true, "interrupted"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("a", content(100, 1), driver.Attributes{})
			ctx, interrupt := context.WithCancel(t.Context())
			release := make(chan struct{})
			defer close(release)
			w.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(interrupt)})
			if test.held {
				w.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Hold(release)})
			}
			report, err := w.copy(ctx, "a")
			var parked *engine.ParkedError
			if report.State != test.state || errors.As(err, &parked) != test.held || (err != nil) != test.held {
				t.Errorf("state %q, error %v", report.State, err)
			}
		})
	}
}

// copy copies one object under its key. The world is of that object from then on.
func (w *world) copy(ctx context.Context, key string) (report *observe.Report, err error) {
	w.t.Helper()
	w.object, w.from, w.to = true, w.from+"/"+key, w.to+"/"+key
	w.with(func(e *engine.Engine) { report, err = e.Copy(ctx) })
	return report, err
}

func TestParkedErrorWithoutCause(t *testing.T) {
	t.Parallel()
	if text := (&engine.ParkedError{}).Error(); text != "the run was interrupted" {
		t.Error(text)
	}
}
