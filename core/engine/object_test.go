package engine_test

import (
	"context"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// versioned is a bucket that tells the version of what it is asked about, and gives no
// right to read versions: memdriver refuses each request for one.
type versioned struct{ driver.Bucket }

func (v versioned) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := v.Bucket.Stat(ctx, request)
	object.VersionID = "3"
	return object, err
}

// At Amazon S3 to name a version is a right of its own, which nobody needs who reads the
// current one.
func TestReadObjectNamesNoVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("lists/a.txt", []byte("photos/\n"), driver.Attributes{})
	bucket := w.open(w.source.Endpoint(), "src")
	defer bucket.Close()
	got, err := engine.ReadObject(t.Context(), job.Location{Bucket: "src", Prefix: "lists/a.txt"}, versioned{bucket}, 100)
	if err != nil || string(got) != "photos/\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCopiesInsideNameNoVersion(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	w.versions = true
	if report := w.sync(); report.Objects.Inside != 4 || report.Objects.Copied != 4 {
		t.Errorf("report %+v, want 4 objects inside", report.Objects)
	}
	w.same()
}

// misled answers looks at the source with another object.
type misled struct {
	store
	object driver.Object
}

func (m misled) Stat(context.Context, driver.StatRequest) (driver.Object, error) {
	return m.object, nil
}

// TestMisledLookIsRefused: where only looks tell what there is to copy, an answer that cannot
// be of the object is an error, and nothing is written.
func TestMisledLookIsRefused(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]driver.Object{
		"fewer than no bytes": {Key: "photos/a.jpg", Size: -1}, "another key": {Key: "x", Size: 10}, "no key": {Size: 10},
	} {
		for way, one := range map[string]bool{"one object": true, "replaced while a run copies": false} {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.put("photos/a.jpg", content(10, 1), driver.Attributes{})
				w.from, w.object = "mem://src/photos/", one
				if one {
					w.from, w.to = "mem://src/photos/a.jpg", "mem://dst/a.jpg"
				}
				w.atSource = func(s store) driver.Bucket { return misled{s, object} }
				w.source.Inject(memdriver.Fault{Call: "Get", Times: 1, Effect: memdriver.Fail(412, "PreconditionFailed")})
				var report *observe.Report
				var err error
				w.with(func(e *engine.Engine) {
					run := e.Sync
					if one {
						run = e.Copy
					}
					report, err = run(t.Context())
				})
				if err == nil && report.Objects.Failed != 1 || len(w.destination.Keys("dst")) > 0 {
					t.Errorf("%+v, %v, the destination holds %q; want a failure", report.Objects, err, w.destination.Keys("dst"))
				}
			})
		}
	}
}
