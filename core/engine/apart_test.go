package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// oneBucket returns a world whose source and destination are one bucket that two stores name
// otherwise, so that copies are not suspected.
func oneBucket(t *testing.T, from, to string) *world {
	t.Helper()
	w := newWorld(t)
	w.destination, w.aliased = w.source, "src"
	w.from, w.to = "mem://src"+from, "mem://alias"+to
	w.rules = func(session *driver.Session) { session.Identity = "other-name/src" }
	w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
	w.settings.ServerSide = job.ServerSideNever
	return w
}

// TestOneBucketUnderTwoNames: deletions would strike the source, so there are none, and
// nothing of dth's own stays.
func TestOneBucketUnderTwoNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, to string }{
		"destination below the source": {"", "/backup/"},
		"source below the destination": {"/photos/", ""},
		"a folder of the source":       {"/photos/", "/photos/2020/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := oneBucket(t, test.from, test.to)
			for _, key := range []string{"backup/old", "photos/2020/a", "photos/2020/2020/d", "photos/1999/b", "c"} {
				w.put(key, content(3, 1), driver.Attributes{})
			}
			if forecast := w.plan(); forecast.Guard != "" || !strings.Contains(forecast.DeletesIf, "are not one bucket under two names") {
				t.Errorf("the plan says guard %q, deletes %d if %q", forecast.Guard, forecast.Deletes, forecast.DeletesIf)
			}
			_, err := w.trySync(t.Context())
			var guard *engine.GuardError
			if !errors.As(err, &guard) || !strings.Contains(err.Error(), "other-name/src") || !strings.Contains(err.Error(), "was there at the source") {
				t.Errorf("error %v", err)
			}
			left := w.source.Keys("src")
			for _, key := range []string{"backup/old", "photos/2020/a", "photos/2020/2020/d", "photos/1999/b", "c"} {
				if !slices.Contains(left, key) {
					t.Errorf("%q was deleted", key)
				}
			}
			if slices.ContainsFunc(left, isCanary) {
				t.Errorf("left behind in %q", left)
			}
		})
	}
}

func isCanary(key string) bool { return strings.Contains(key, "dth-canary-") }

// TestTwoBucketsAreToldApart without an object of dth's own where a key that only the
// destination has tells, and with one where the source has that key, too.
func TestTwoBucketsAreToldApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		to     string
		both   []string // absolute keys that both buckets have
		writes int
	}{
		"by a key":     {"", nil, 0},
		"by an object": {"/backup/", []string{"backup/x"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.to += test.to
			w.put("a", content(3, 1), driver.Attributes{})
			w.sync()
			prefix := strings.TrimPrefix(test.to, "/")
			if _, err := w.destination.Put("dst", prefix+"x", nil, driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			for _, key := range test.both {
				w.put(key, nil, driver.Attributes{})
			}
			w.sync()
			puts := w.destination.Count("Put")
			w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
			if forecast := w.plan(); forecast.Deletes != 1 || (forecast.DeletesIf == "") != (test.writes == 0) {
				t.Errorf("the plan says guard %q, deletes %d if %q", forecast.Guard, forecast.Deletes, forecast.DeletesIf)
			}
			if report := w.sync(); report.Objects.Deleted != 1 {
				t.Errorf("%+v", report.Objects)
			}
			if n := w.destination.Count("Put") - puts; n != test.writes {
				t.Errorf("%d objects were written, want %d", n, test.writes)
			}
			if left := w.destination.Keys("dst"); slices.ContainsFunc(left, isCanary) || slices.Contains(left, prefix+"x") {
				t.Errorf("the destination has %q", left)
			}
		})
	}
}

// TestWhatIsNotProvedIsNotDeleted: every failure on the way to the proof keeps everything.
func TestWhatIsNotProvedIsNotDeleted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    memdriver.Fault
		atSource bool
		stays    bool // the object of dth's own, which is told
	}{
		"it cannot be written":           {memdriver.Fault{Call: "Put", Effect: memdriver.Fail(403, "AccessDenied")}, false, false},
		"its answer is lost":             {memdriver.Fault{Call: "Put", Effect: memdriver.LoseAnswer()}, false, false},
		"the source shows no such key":   {memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(403, "AccessDenied")}, true, false},
		"the source lists no such key":   {memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Fail(403, "AccessDenied")}, true, false},
		"it cannot be removed":           {memdriver.Fault{Call: "Delete", Effect: memdriver.Fail(403, "AccessDenied")}, false, true},
		"the source is away":             {memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(503, "ServiceUnavailable")}, true, false},
		"the destination does not store": {memdriver.Fault{Call: "Put", Effect: memdriver.Fail(500, "InternalError")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.to = "mem://dst/backup/"
			for _, key := range []string{"a", "backup/x"} {
				w.put(key, content(3, 1), driver.Attributes{})
			}
			w.sync()
			if _, err := w.destination.Put("dst", "backup/x", nil, driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
			server := w.destination
			if test.atSource {
				server = w.source
			}
			server.Inject(test.fault)
			report, err := w.trySync(t.Context())
			var guard *engine.GuardError
			if !errors.As(err, &guard) || !strings.Contains(err.Error(), "could not be found out") {
				t.Errorf("error %v", err)
			}
			left := w.destination.Keys("dst")
			if !slices.Contains(left, "backup/x") {
				t.Errorf("deleted, though not proved: %q", left)
			}
			stays := slices.IndexFunc(left, isCanary)
			if (stays >= 0) != test.stays {
				t.Errorf("the destination has %q", left)
			}
			if told := strings.Join(report.Warnings, "\n"); test.stays && (stays < 0 || !strings.Contains(told, left[stays])) {
				t.Errorf("warnings %q", told)
			}
		})
	}
}

// TestInterruptedProofLeavesNothing: the object of dth's own is removed all the same.
func TestInterruptedProofLeavesNothing(t *testing.T) {
	t.Parallel()
	w := oneBucket(t, "", "/backup/")
	w.put("backup/backup/old", nil, driver.Attributes{})
	w.put("a", nil, driver.Attributes{})
	w.settings.Delete = false
	w.sync()
	w.settings.Delete = true
	ctx, interrupt := context.WithCancel(t.Context())
	w.source.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(interrupt)})
	_, err := w.trySync(ctx)
	var parked *engine.ParkedError
	if left := w.source.Keys("src"); !errors.As(err, &parked) || slices.ContainsFunc(left, isCanary) {
		t.Errorf("error %v, left %q", err, left)
	}
}
