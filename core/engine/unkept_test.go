package engine_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// dropsCacheControl is a destination that forgets a header in silence.
func dropsCacheControl(s store) driver.Bucket {
	return forgetful{s, func(a *driver.Attributes) { a.CacheControl = "" }}
}

// TestUnkeptAttributesAreNeverEqual: an object whose bytes arrived without all of its
// attributes is not equal in the next run, whatever was proved of the key before.
func TestUnkeptAttributesAreNeverEqual(t *testing.T) {
	t.Parallel()
	const first, second = "text/old", "text/new"
	tests := map[string]struct {
		compare    job.Compare
		unmappable job.Unmappable
		before     func(*world) // what ends without the attributes
		failed     int64        // in the next run
		adapted    int64
	}{
		"copied before, removed, and failed": {job.CompareAuto, job.UnmappableFail, func(w *world) {
			w.sync()
			if err := w.destination.Remove("dst", "a"); err != nil {
				w.t.Fatal(err)
			}
			w.atTarget = dropsCacheControl
			w.fails()
		}, 1, 0},
		"adapted before, which is not allowed now": {job.CompareAuto, job.UnmappableFail, func(w *world) {
			w.atTarget, w.settings.Unmappable = dropsCacheControl, job.UnmappableDrop
			if report := w.sync(); report.Objects.Adapted != 1 {
				w.t.Fatalf("%+v", report.Objects)
			}
			w.settings.Unmappable = job.UnmappableFail
		}, 1, 0},
		"killed before the look, fail": {job.CompareAuto, job.UnmappableFail, func(w *world) {
			w.atTarget = dropsCacheControl
			w.killed("Put", func() {})
		}, 1, 0},
		"killed before the look, drop": {job.CompareAuto, job.UnmappableDrop, func(w *world) {
			w.atTarget = dropsCacheControl
			w.killed("Put", func() {})
		}, 0, 1},
		"killed, by size": {job.CompareSize, job.UnmappableDrop, func(w *world) {
			w.atTarget = dropsCacheControl
			w.killed("Put", func() {})
		}, 0, 1},
		"killed, by checksum": {job.CompareChecksum, job.UnmappableDrop, func(w *world) {
			w.atTarget = dropsCacheControl
			w.killed("Put", func() {})
		}, 0, 1},
		"rewritten with other attributes at the kill": {job.CompareETag, job.UnmappableFail, func(w *world) {
			w.killed("Put", func() {
				w.put("a", content(100, 1), driver.Attributes{ContentType: second})
			})
		}, 0, 0},
		"a newer time that was not written": {job.CompareMtime, job.UnmappableFail, func(w *world) {
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(w.t, "src", memdriver.Config{Now: clock.now})
			w.put("a", content(100, 1), driver.Attributes{ContentType: first})
			w.sync()
			clock.turn(62 * time.Minute)
			w.put("a", content(100, 1), driver.Attributes{ContentType: second})
			w.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Fail(500, "InternalError")})
			w.fails()
			w.destination.Heal()
		}, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Compare, w.settings.Unmappable = test.compare, test.unmappable
			w.put("a", content(100, 1), driver.Attributes{ContentType: first, CacheControl: "no-cache"})
			test.before(w)
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != test.failed || report.Objects.Adapted != test.adapted || report.Objects.Equal != 0 {
				t.Fatalf("%v, %+v", err, report.Objects)
			}
			if test.failed+test.adapted == 0 {
				w.same()
			}
		})
	}
}

// fails runs a sync in which one object fails.
func (w *world) fails() {
	w.t.Helper()
	if report, err := w.trySync(w.t.Context()); err != nil || report.Objects.Failed != 1 {
		w.t.Fatalf("%v, %+v", err, report.Objects)
	}
}

// TestRetryOfUnkeptAttributes: a fleet that takes such an object again does not tell it as
// copied because the bytes are there.
func TestRetryOfUnkeptAttributes(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.atTarget = dropsCacheControl
	f.put("a", content(100, 1), driver.Attributes{CacheControl: "no-cache"})
	object, _, err := f.source.Get("src", "a")
	if err != nil {
		t.Fatal(err)
	}
	f.send(task.Task{Key: "a", Size: object.Size, ETag: object.ETag, Modified: object.Modified})
	f.serve()
	if _, _, err := engine.SendAgain(t.Context(), f.journal, f.queue.join(), fleetRun); err != nil {
		t.Fatal(err)
	}
	f.serve()
	records, err := f.journal.Lookup(t.Context(), []string{"a"})
	if err != nil || records["a"].Outcome != journal.OutcomeFailed {
		t.Errorf("%v, on record %+v", err, records["a"])
	}
}
