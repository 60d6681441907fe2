package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// emptyStore is a world whose two buckets are in one store.
func emptyStore(t *testing.T) *world {
	w := newWorld(t)
	w.insideOf()
	return w
}

// insideOf has the source hold the destination's bucket, too.
func (w *world) insideOf() {
	w.destination = w.source
	w.source.CreateBucket("dst")
	w.from = "mem://src?endpoint=" + w.source.Endpoint()
	w.settings.ServerSide = job.ServerSideAuto
}

// newStore is the same with objects in the source.
func newStore(t *testing.T) *world {
	w := emptyStore(t)
	for name, size := range map[string]int{"empty": 0, "one": 1, "small": 10_000, "in parts": 40 << 20} {
		w.put(name, content(size, byte(len(name))), driver.Attributes{
			ContentType: "text/x-" + fmt.Sprint(len(name)), Metadata: []driver.Metadata{{Name: "owner", Value: name}},
		})
	}
	return w
}

// moved counts the requests that carried bytes through the host.
func (w *world) moved() int {
	return w.source.Count("Get") + w.source.Count("Put") + w.source.Count("Part")
}

func TestStoreCopiesByItself(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	report := w.sync()
	w.same()
	if n := w.moved(); n != 0 {
		t.Errorf("%d requests carried bytes through the host", n)
	}
	if report.Objects.Inside != 4 || report.Objects.Copied != 4 || report.Evidence.BothEnds != 4 || report.Bytes.Moved != 0 {
		t.Errorf("report %+v %+v %+v, want 4 objects inside, with evidence from both ends", report.Objects, report.Bytes, report.Evidence)
	}
	if want := int64(40<<20 + 10_001); report.Bytes.Inside != want {
		t.Errorf("%d bytes were copied inside, want %d", report.Bytes.Inside, want)
	}
	if again := w.sync(); again.Objects.Copied != 0 {
		t.Errorf("a second run copied %d objects", again.Objects.Copied)
	}
}

func TestServerSideNever(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	w.settings.ServerSide = job.ServerSideNever
	report := w.sync()
	w.same()
	if report.Objects.Inside != 0 || w.moved() == 0 || w.source.Count("CopyObject") != 0 {
		t.Errorf("report %+v, %d copies inside", report.Objects, w.source.Count("CopyObject"))
	}
}

func TestInsideFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault memdriver.Fault
		check func(t *testing.T, w *world, report *observe.Report)
	}{
		"a refused object passes through the host": {
			memdriver.Fault{Call: "CopyObject", Key: "one", Times: 1, Effect: memdriver.Fail(403, "AccessDenied")},
			func(t *testing.T, w *world, report *observe.Report) {
				if report.Objects.Inside != 3 || w.source.Count("Get") != 1 {
					t.Errorf("%d objects inside, %d GETs; want 3 and 1", report.Objects.Inside, w.source.Count("Get"))
				}
			},
		},
		"a version that is gone is planned again": {
			memdriver.Fault{Call: "CopyObject", Key: "small", Times: 1, Effect: memdriver.Fail(412, "PreconditionFailed")},
			func(t *testing.T, w *world, report *observe.Report) {
				if report.Objects.Replanned != 1 || report.Objects.Inside != 4 {
					t.Errorf("%d planned again, %d inside; want 1 and 4", report.Objects.Replanned, report.Objects.Inside)
				}
			},
		},
		"a throttled part is asked for again": {
			memdriver.Fault{Call: "CopyPart", Times: 1, Effect: memdriver.Fail(503, "SlowDown")},
			func(t *testing.T, w *world, report *observe.Report) {
				if n := w.source.Count("CopyPart"); n != 4 {
					t.Errorf("%d parts were asked for, want 4", n)
				}
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newStore(t)
			w.source.Inject(test.fault)
			report := w.sync()
			w.same()
			test.check(t, w, report)
		})
	}
}

// TestSourceReplacedBeforeItsCopyInside: what is copied is the version that was listed, or
// it is planned again.
func TestSourceReplacedBeforeItsCopyInside(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	w.source.Inject(memdriver.Fault{Call: "Stat", Bucket: "src", Key: "small", Times: 1, Effect: memdriver.Do(func() {
		w.put("small", content(10_000, 99), driver.Attributes{ContentType: "text/new"})
	})})
	report := w.sync()
	w.same()
	if report.Objects.Replanned != 1 {
		t.Errorf("planned again %d times, want once", report.Objects.Replanned)
	}
}

func TestPlanSaysWhyBytesPassThrough(t *testing.T) {
	t.Parallel()
	inside, through, never := newStore(t), newWorld(t), newStore(t)
	never.settings.ServerSide = job.ServerSideNever
	through.from = "mem://src?endpoint=" + through.source.Endpoint()
	for name, test := range map[string]struct {
		w    *world
		want string
	}{
		"one store": {inside, ""}, "never": {never, "server-side is never"},
		"two stores": {through, "ReachCopy: the source is on another server"},
	} {
		test.w.with(func(e *engine.Engine) {
			forecast, err := e.Plan(t.Context())
			if err != nil || forecast.ThroughHost != test.want {
				t.Errorf("%s: %q, %v, want %q", name, forecast.ThroughHost, err, test.want)
			}
		})
	}
}

// TestStoreCopiesIntoAClass: copies inside a store keep to class and encoded keys, and go
// through the host where the store would copy what the copy may not have.
func TestStoreCopiesIntoAClass(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	w.rules, w.settings.Unmappable, w.settings.StorageClass = likeCOS, job.UnmappableEncode, "COOL"
	w.put("/lead", content(7, 1), driver.Attributes{})
	w.put("other", content(7, 1), driver.Attributes{Metadata: []driver.Metadata{{Name: "a_b", Value: "1"}}})
	report := w.sync()
	if report.Objects.Copied != 6 || report.Objects.Inside != 5 || report.Objects.Adapted != 2 {
		t.Errorf("%+v, want all but one of 6 inside", report.Objects)
	}
	for _, key := range []string{"%2Flead", "empty", "in parts", "one", "other", "small"} {
		object, _, err := w.destination.Get("dst", key)
		if err != nil || object.StorageClass != "COOL" {
			t.Errorf("%q: class %q, %v", key, object.StorageClass, err)
		}
	}
	if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != 6 {
		t.Errorf("the second sync: %+v", report.Objects)
	}
}

// idle states no checksums, and answers the first copies of a key inside the store as if
// it had made them.
type idle struct {
	mute
	key   string
	times *atomic.Int32 // how often it does nothing
}

func (i idle) CopyObject(ctx context.Context, r driver.CopyObjectRequest) (driver.Object, error) {
	if r.Key == i.key && i.times.Add(-1) >= 0 {
		return driver.Object{Key: r.Key, Size: r.Object.Size, ETag: r.Object.ETag}, nil
	}
	object, err := i.mute.CopyObject(ctx, r)
	object.Checksums = nil
	return object, err
}

// TestCopyInsideIsLookedAt: the answer to a copy inside a store proves nothing while the
// destination shows an older object of the same size, or none.
func TestCopyInsideIsLookedAt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		older  bool
		times  int32
		failed int64
	}{
		"an older object, once": {true, 1, 0}, "nothing there, once": {false, 1, 0},
		"an older object": {true, 1000, 1}, "nothing there": {false, 1000, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyStore(t)
			w.put("asked", content(10_000, 1), driver.Attributes{})
			var times atomic.Int32
			times.Store(test.times)
			w.atTarget = func(s store) driver.Bucket { return idle{mute{governed{s, noChecksums}}, "asked", &times} }
			if test.older {
				w.settings.Compare = job.CompareChecksum // no time decides
				if _, err := w.destination.Put("dst", "asked", content(10_000, 2), driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
			}
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != test.failed {
				t.Fatalf("%+v %+v, %v, want %d failed", report.Objects, report.Problems, err, test.failed)
			}
			if test.failed == 0 {
				w.same()
			}
		})
	}
}
