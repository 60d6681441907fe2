package engine_test

import (
	"context"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestFailedVersionIsNotForgotten: an object whose copy failed because the store dropped a
// header is not equal later because another word on its key came between.
func TestFailedVersionIsNotForgotten(t *testing.T) {
	t.Parallel()
	with := driver.Attributes{CacheControl: "no-store"}
	frozen := with
	frozen.StorageClass = "ARCHIVE"
	for name, between := range map[string]func(w *world, run string){
		"vanished in a retry": func(w *world, run string) {
			w.remove("a")
			if report, err := w.retry(run); err != nil || report.Objects.Vanished != 1 {
				w.t.Fatalf("%v, %+v", err, report)
			}
		},
		"vanished while it is copied": func(w *world, _ string) {
			w.source.Inject(memdriver.Fault{Call: "Get", Key: "a", Times: 1, Effect: memdriver.Do(func() { w.remove("a") })})
			if report := w.sync(); report.Objects.Vanished != 1 {
				w.t.Fatalf("%+v", report.Objects)
			}
		},
		"archived": func(w *world, _ string) {
			w.put("a", content(100, 1), frozen)
			if report, err := w.trySync(w.t.Context()); err != nil || report.Objects.Skipped != 1 {
				w.t.Fatalf("%v, %+v", err, report.Objects)
			}
		},
		"not deleted": func(w *world, _ string) {
			w.remove("a")
			w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Count: 1}
			w.destination.Inject(memdriver.Fault{Call: "Delete", Key: "a", Effect: memdriver.Fail(403, "AccessDenied")})
			w.fails()
			w.destination.Heal()
		},
		"another version failed": func(w *world, _ string) {
			w.put("a", content(100, 2), with)
			w.source.Inject(memdriver.Fault{Call: "Get", Key: "a", Effect: memdriver.Fail(403, "AccessDenied")})
			w.fails()
			w.source.Heal()
		},
	} {
		for _, compare := range comparisons() {
			t.Run(name+", "+string(compare), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.settings.Compare = compare
				w.put("a", content(100, 1), with)
				w.put("c", content(10, 1), driver.Attributes{})
				w.atTarget = dropsCacheControl
				report, err := w.trySync(t.Context())
				if err != nil || report.Objects.Failed != 1 {
					t.Fatalf("%v, %+v", err, report.Objects)
				}
				w.atTarget = nil
				between(w, report.Run)
				w.put("a", content(100, 1), with)
				if report := w.sync(); report.Objects.Copied != 1 {
					t.Errorf("%+v", report.Objects)
				}
				w.same()
			})
		}
	}
}

// TestInterruptedVersionIsNotForgotten: nor is a copy equal that was interrupted before dth
// could look at it.
func TestInterruptedVersionIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := driver.Attributes{CacheControl: "no-store"}
	frozen := with
	frozen.StorageClass = "ARCHIVE"
	w.put("a", content(100, 1), with)
	w.atTarget = dropsCacheControl
	w.killed("Stat", func() {})
	w.atTarget = nil
	w.put("a", content(100, 1), frozen)
	if report, err := w.trySync(t.Context()); err != nil || report.Objects.Skipped != 1 {
		t.Fatalf("%v, %+v", err, report.Objects)
	}
	w.put("a", content(100, 1), with)
	w.sync()
	w.same()
}

// TestChangesAreNotForgotten: an object that was adapted to the destination is not equal where
// that is not allowed, also after it was skipped.
func TestChangesAreNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := driver.Attributes{ContentLanguage: "de", StorageClass: "ARCHIVE"}
	w.rules, w.settings.Unmappable = likeCOS, job.UnmappableDrop
	restore := func() {
		bucket := w.open(w.source.Endpoint(), "src")
		defer bucket.Close()
		if _, err := bucket.(driver.Restorer).Restore(t.Context(), driver.RestoreRequest{Key: "a", Days: 1}); err != nil {
			t.Fatal(err)
		}
	}
	w.put("a", content(100, 1), with)
	restore()
	if report := w.sync(); report.Objects.Adapted != 1 {
		t.Fatalf("%+v", report.Objects)
	}
	w.settings.Unmappable = job.UnmappableFail
	w.put("a", content(100, 1), with) // its restored copy ended
	if report, err := w.trySync(t.Context()); err != nil || report.Objects.Skipped+report.Objects.Failed != 1 {
		t.Fatalf("%v, %+v", err, report.Objects)
	}
	restore()
	if report, err := w.trySync(t.Context()); err != nil || report.Objects.Equal != 0 {
		t.Errorf("%v, %+v", err, report.Objects)
	}
}

// TestRetryGoesOn: what a retry leaves undone is taken again by the same command, whatever
// kept it.
func TestRetryGoesOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call string
		sync bool // in place of the first retry
		how  func(interrupt func()) memdriver.Effect
	}{
		"it fails again":                 {"Get", false, func(func()) memdriver.Effect { return memdriver.Fail(400, "Broken") }},
		"the source is away at the look": {"Stat", false, func(func()) memdriver.Effect { return memdriver.Fail(503, "SlowDown") }},
		"it is denied":                   {"Get", false, func(func()) memdriver.Effect { return memdriver.Fail(403, "AccessDenied") }},
		"it is interrupted":              {"Get", false, func(interrupt func()) memdriver.Effect { return memdriver.Do(interrupt) }},
		"a sync fails at it":             {"Get", true, func(func()) memdriver.Effect { return memdriver.Fail(400, "Broken") }},
		"a sync is interrupted":          {"Get", true, func(interrupt func()) memdriver.Effect { return memdriver.Do(interrupt) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, first := failing(t, "b")
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			hold := make(chan struct{})
			w.source.Inject(memdriver.Fault{Call: test.call, Key: "b", Effect: test.how(func() { interrupt(); <-hold })})
			var err error
			if test.sync {
				_, err = w.trySync(ctx)
			} else {
				w.with(func(e *engine.Engine) { _, err = e.Retry(ctx, first.Run) })
			}
			t.Log(err)
			close(hold)
			w.source.Heal()
			if report, err := w.retry(first.Run); err != nil || report.Objects.Copied != 1 {
				t.Errorf("%v, %+v", err, report.Objects)
			}
			w.same()
		})
	}
}
