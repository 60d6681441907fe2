package engine_test

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// newStore is a world whose two buckets are in one store.
func newStore(t *testing.T) *world {
	w := newWorld(t)
	w.destination = w.source
	w.source.CreateBucket("dst")
	w.from = "mem://src?endpoint=" + w.source.Endpoint()
	w.settings.ServerSide = job.ServerSideAuto
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
