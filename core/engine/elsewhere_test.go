package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// unforeseen is a store that takes a key for its neighbour when it writes, but none of dth's own.
type unforeseen struct{ store }

func neighbour(key string) string {
	if strings.Contains(key, ".dth-probe-") {
		return key
	}
	return strings.ReplaceAll(key, "//", "/")
}

func (u unforeseen) Session() driver.Session {
	session := u.store.Session()
	session.KeyRules.LookUp = true
	return session
}

func (u unforeseen) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	request.Key = neighbour(request.Key)
	return u.store.SignPut(ctx, request)
}

func (u unforeseen) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	request.Key = neighbour(request.Key)
	return u.store.CreateUpload(ctx, request)
}

func (u unforeseen) SignPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	request.Upload.Key = neighbour(request.Upload.Key)
	return u.store.SignPart(ctx, request)
}

func (u unforeseen) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	request.Upload.Key = neighbour(request.Upload.Key)
	return u.store.CompleteUpload(ctx, request)
}

// TestWrittenUnderAnotherKey: where a store took a key for another one, and no trial foresaw
// that, the object has failed, whatever the user wants left out: it is no skipped one, and the
// report names the neighbour that may be lost.
func TestWrittenUnderAnotherKey(t *testing.T) {
	t.Parallel()
	for _, policy := range []job.Unmappable{job.UnmappableFail, job.UnmappableDrop, job.UnmappableEncode} {
		for way, size := range map[string]int{"small": 20, "in parts": 9 * minPart} {
			t.Run(fmt.Sprintf("%s, %s", policy, way), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.settings.Unmappable = policy
				w.atTarget = func(s store) driver.Bucket { return unforeseen{s} }
				w.put("dir/a//b", content(size, 2), driver.Attributes{})
				if _, err := w.destination.Put("dst", "dir/a/b", content(10, 1), driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
				report, err := w.trySync(t.Context())
				if err != nil || len(report.Problems) != 1 {
					t.Fatalf("%v, %+v", err, report)
				}
				problem := report.Problems[0]
				if problem.Outcome != journal.OutcomeFailed || report.Objects.Skipped > 0 {
					t.Errorf("%+v, want one that failed", problem)
				}
				if !strings.Contains(problem.Error, `may have overwritten what it has under "dir/a/b"`) || strings.Contains(problem.Error, "--unmappable") {
					t.Errorf("error %q does not name the neighbour", problem.Error)
				}
			})
		}
	}
}

// TestWrittenIsNeverSkipped: an object that can no longer be read after the destination took it, or
// may have taken it, is no skipped one.
func TestWrittenIsNeverSkipped(t *testing.T) {
	t.Parallel()
	archived := memdriver.Fail(403, "InvalidObjectState")
	for name, test := range map[string]struct {
		body string
		stop func(*world)
	}{
		"at the destination, once it was joined": {"in parts", func(w *world) {
			w.destination.Inject(memdriver.Fault{Call: "Stat", Effect: archived})
		}},
		"at the source, after an answer was lost": {"streamed", func(w *world) {
			w.destination.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.LoseAnswer()})
			w.source.Inject(memdriver.Fault{Call: "Get", First: 2, Effect: archived})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.forBody(test.body)
			w.put("a", content(bodies[test.body], 2), driver.Attributes{})
			test.stop(w)
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != 1 || report.Objects.Skipped+report.Objects.Archived > 0 {
				t.Errorf("%v, %+v %+v", err, report.Objects, report.Problems)
			}
			if len(w.destination.Keys("dst")) != 1 {
				t.Error("nothing was written")
			}
		})
	}
}

// TestOneFoldedKeyIsEnough: once a store took a key for another one, no more of its kind are
// written.
func TestOneFoldedKeyIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.Transfers = 1
	w.atTarget = func(s store) driver.Bucket { return unforeseen{s} }
	for _, key := range []string{"dir/a//b", "dir/c//d", "dir/e//f", "plain"} {
		w.put(key, content(20, 2), driver.Attributes{})
	}
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != 3 || report.Objects.Copied != 1 {
		t.Errorf("%v, %+v", err, report.Objects)
	}
	if got := w.destination.Keys("dst"); len(got) != 2 {
		t.Errorf("the destination has %q", got)
	}
}
