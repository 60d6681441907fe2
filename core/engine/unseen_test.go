package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestMetadataIsLookedAtByShape: a store that keeps one metadata pair and drops another for
// the characters of its name, or for its value, is found out, with one look a shape.
func TestMetadataIsLookedAtByShape(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pair    driver.Metadata
		dropped func(driver.Metadata) bool
	}{
		"a name with _":      {driver.Metadata{Name: "cost_center", Value: "7"}, func(m driver.Metadata) bool { return strings.Contains(m.Name, "_") }},
		"a name with .":      {driver.Metadata{Name: "cost.center", Value: "7"}, func(m driver.Metadata) bool { return strings.Contains(m.Name, ".") }},
		"an empty value":     {driver.Metadata{Name: "flag", Value: ""}, func(m driver.Metadata) bool { return m.Value == "" }},
		"a value with UTF-8": {driver.Metadata{Name: "city", Value: "Köln"}, func(m driver.Metadata) bool { return strings.Contains(m.Value, "ö") }},
	}
	for name, test := range tests {
		for _, policy := range []job.Unmappable{job.UnmappableFail, job.UnmappableDrop} {
			t.Run(fmt.Sprintf("%s, %s", name, policy), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.settings.Transfers, w.settings.Unmappable = 1, policy
				w.atTarget = func(s store) driver.Bucket {
					return forgetful{s, func(a *driver.Attributes) { a.Metadata = slices.DeleteFunc(a.Metadata, test.dropped) }}
				}
				owner := driver.Metadata{Name: "owner", Value: "me"}
				const each = 10
				for i := range each {
					w.put(fmt.Sprint("a", i), content(100, byte(i)), driver.Attributes{Metadata: []driver.Metadata{owner}})
					w.put(fmt.Sprint("b", i), content(100, byte(i)), driver.Attributes{Metadata: []driver.Metadata{test.pair, owner}})
					w.put(fmt.Sprint("c", i), content(100, byte(i)), driver.Attributes{Metadata: []driver.Metadata{owner}})
				}
				report, err := w.trySync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				told := report.Objects.Failed
				if policy == job.UnmappableDrop {
					told = report.Objects.Adapted
				}
				if told != each || report.Objects.Copied+report.Objects.Failed != 3*each {
					t.Errorf("%+v, want %d told", report.Objects, each)
				}
				if got := report.Requests.Destination["stat"]; got != 2 {
					t.Errorf("the destination was asked for %d objects, want one a shape", got)
				}
			})
		}
	}
}

// stale is a destination whose looks show another object than was written, so many times.
type stale struct {
	store
	left   *atomic.Int64
	absent bool
}

func (s stale) Session() driver.Session {
	session := s.store.Session()
	session.Limits.StronglyConsistent = false
	return session
}

func (s stale) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := s.store.Stat(ctx, request)
	if s.left.Add(-1) < 0 {
		return object, err
	}
	if s.absent {
		return driver.Object{}, &driver.Error{Op: "Stat", Key: request.Key, Kind: driver.KindNotFound, Code: "NoSuchKey", Status: http.StatusNotFound}
	}
	object.ETag = strings.Repeat("f", len(object.ETag))
	return object, err
}

// TestStaleLooks: a look that shows another object than was just written, or none, is made
// again. Where that does not help it fails nothing, and is told once; it is not repeated
// for every object.
func TestStaleLooks(t *testing.T) {
	t.Parallel()
	const objects, attempts, most = 30, 6, 3
	for name, test := range map[string]struct {
		stale    int64
		absent   bool
		warnings int
		failed   int64 // found out
		looks    int64
	}{
		"for a while":         {stale: 2, failed: objects, looks: 3},
		"absent for a while":  {stale: 2, absent: true, failed: objects, looks: 3},
		"for one object":      {stale: attempts, warnings: 1, failed: objects - 1, looks: attempts + 1},
		"for the run":         {stale: 1 << 30, warnings: 1, looks: most * attempts},
		"absent, for the run": {stale: 1 << 30, absent: true, warnings: 1, looks: most * attempts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var log bytes.Buffer
			w.logger = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn})
			var left atomic.Int64
			left.Store(test.stale)
			w.atTarget = func(s store) driver.Bucket {
				return stale{store: forgetful{s, func(a *driver.Attributes) { a.CacheControl = "" }}, left: &left, absent: test.absent}
			}
			for i := range objects {
				w.put(fmt.Sprint(i), content(100, byte(i)), driver.Attributes{CacheControl: "no-cache"})
			}
			report, err := w.trySync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if report.Objects.Failed != test.failed || report.Objects.Copied != objects-test.failed {
				t.Errorf("%+v %+v, want %d failed", report.Objects, report.Problems, test.failed)
			}
			if got := strings.Count(log.String(), "cannot see which attributes"); got != test.warnings {
				t.Errorf("warned %d times, want %d: %s", got, test.warnings, &log)
			}
			if got := report.Requests.Destination["stat"]; got != test.looks {
				t.Errorf("%d looks, want %d", got, test.looks)
			}
		})
	}
}

// TestLooksThatFail: an object that cannot be looked at fails, and where that goes on the
// destination is left alone, and it is told.
func TestLooksThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	w.logger = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Warn})
	w.destination.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(http.StatusInternalServerError, "InternalError")})
	for i := range 30 {
		w.put(fmt.Sprint(i), content(100, byte(i)), driver.Attributes{ContentType: "text/plain"})
	}
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Objects.Failed != 3 || report.Objects.Copied != 27 || report.Requests.Destination["stat"] != 3*6 {
		t.Errorf("%+v after %d looks, want 3 failed", report.Objects, report.Requests.Destination["stat"])
	}
	if got := strings.Count(log.String(), "cannot see which attributes"); got != 1 {
		t.Errorf("warned %d times, want once: %s", got, &log)
	}
}
