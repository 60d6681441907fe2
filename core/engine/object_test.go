package engine_test

import (
	"context"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
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
