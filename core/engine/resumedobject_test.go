package engine_test

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestResumedObjectIsLookedAt: what the destination did not keep of an object is told or fails
// also where an earlier run had joined it.
func TestResumedObjectIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(w *world, left *string){
		"killed after the join": func(w *world, left *string) { w.snapshotAt("Stat", 2, left) },
		"the attributes could not be seen": func(w *world, _ *string) {
			w.destination.Inject(memdriver.Fault{Call: "Stat", First: 3, Effect: memdriver.Fail(500, "InternalError")})
		},
	} {
		for _, policy := range []job.Unmappable{job.UnmappableFail, job.UnmappableDrop} {
			t.Run(fmt.Sprint(name, ", ", policy), func(t *testing.T) {
				t.Parallel()
				w, left := newWorld(t), ""
				w.settings.Unmappable = policy
				w.atTarget = func(s store) driver.Bucket {
					return onlyETags(forgetful{s, func(a *driver.Attributes) { a.CacheControl = "" }})
				}
				w.put("big", content(5*minPart, 1), driver.Attributes{CacheControl: "no-cache"})
				first(w, &left)
				if _, err := w.trySync(t.Context()); err != nil {
					t.Fatal(err)
				}
				if left != "" {
					w.state = left
				}
				w.destination.Heal()
				sent := w.destination.Count("Part")
				report, err := w.trySync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := [...]int64{report.Objects.Copied, report.Objects.Adapted, report.Objects.Failed}
				if want := map[job.Unmappable][3]int64{job.UnmappableFail: {0, 0, 1}, job.UnmappableDrop: {1, 1, 0}}[policy]; got != want {
					t.Errorf("copied, adapted and failed %v, want %v", got, want)
				}
				if n := w.destination.Count("Part") - sent; n > 0 {
					t.Errorf("%d parts were sent again", n)
				}
			})
		}
	}
}

// TestResumedObjectEndsEarlierUploads: an earlier upload that could not be ended is ended also
// where the one after it was joined by a run that was killed.
func TestResumedObjectEndsEarlierUploads(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"through the host": 5 * minPart, "inside": 40 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, left := newWorld(t), ""
			if name == "inside" {
				w = emptyStore(t)
			} else {
				w.atTarget = onlyETags
			}
			w.put("big", content(size, 1), driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "AbortUpload", Effect: memdriver.Fail(403, "AccessDenied")})
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Fail(400, "InvalidArgument")})
			if report, err := w.trySync(t.Context()); err != nil || len(report.UploadsLeft) != 1 {
				t.Fatalf("%+v, %v, want an upload that is left", report, err)
			}
			w.destination.Inject(memdriver.Fault{Call: "Stat", Bucket: "dst", First: 2, Times: 1, Effect: memdriver.Do(func() { left = w.snapshot() })})
			if _, err := w.trySync(t.Context()); err != nil || left == "" {
				t.Fatalf("%v, not killed", err)
			}
			w.destination.Heal()
			w.state = left
			created := w.destination.Count("CreateUpload")
			w.sync()
			w.same()
			if n := w.destination.Count("CreateUpload") - created; n != 0 {
				t.Errorf("%d uploads were created", n)
			}
		})
	}
}
