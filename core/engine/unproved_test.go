package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// opaqueETags are ETags that cannot be compared with those of another store.
func opaqueETags(s *driver.Session) { s.Checksums.ETagMD5 = false }

// opaque is a store that states neither checksums of objects nor, in listings, ETags that
// can be compared; without ETags it lists none at all.
type opaque struct {
	store
	withoutETags bool
}

func (s opaque) Session() driver.Session {
	session := s.store.Session()
	session.Checksums = driver.Checksums{}
	return session
}

func (s opaque) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := s.store.Stat(ctx, request)
	object.Checksums = nil
	return object, err
}

func (s opaque) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := s.store.List(ctx, request)
	for i := range page.Objects {
		if page.Objects[i].Checksums = nil; s.withoutETags {
			page.Objects[i].ETag = ""
		}
	}
	return page, err
}

// wrapped runs the function with an engine between two wrapped stores, on the world's state.
func (w *world) wrapped(wrap, wrapTo func(driver.Bucket) driver.Bucket, run func(*engine.Engine)) {
	w.t.Helper()
	state, err := statefile.Open(w.t.Context(), w.state, statefile.Options{Command: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	w.engine(state, wrap, wrapTo, run)
}

// on runs the function with an engine on that state.
func (w *world) on(state *statefile.File, run func(*engine.Engine)) {
	w.t.Helper()
	w.engine(state, func(b driver.Bucket) driver.Bucket { return b }, func(b driver.Bucket) driver.Bucket { return govern(w.t, b, w.rules) }, run)
}

func (w *world) engine(state *statefile.File, wrap, wrapTo func(driver.Bucket) driver.Bucket, run func(*engine.Engine)) {
	w.t.Helper()
	source, err := job.Parse(w.from)
	if err != nil {
		w.t.Fatal(err)
	}
	destination, err := job.ParseDestination(w.to)
	if err != nil {
		w.t.Fatal(err)
	}
	from, to := w.open(w.source.Endpoint(), source.Bucket), w.open(w.destination.Endpoint(), destination.Bucket)
	defer from.Close()
	defer to.Close()
	e, err := engine.New(engine.Config{
		Job:    job.Job{Source: source, Destination: destination, Settings: w.settings},
		Source: wrap(from), Destination: wrapTo(to), State: state, Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
		Retry: retry.Policy{Attempts: 2, Base: time.Millisecond, Cap: time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	run(e)
}

// records returns what is on record, by key.
func (w *world) records() map[string]journal.Record {
	w.t.Helper()
	state, err := statefile.OpenReadOnly(w.t.Context(), w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	found := map[string]journal.Record{}
	for record, err := range sqlite.New(state).Scan(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		found[record.Key] = record
	}
	return found
}

func comparisons() []job.Compare {
	return []job.Compare{job.CompareAuto, job.CompareSize, job.CompareMtime, job.CompareETag, job.CompareChecksum}
}

// TestDamagedObjectIsCopiedAgain: what arrived damaged until the attempts were spent is
// never equal, whatever is compared.
func TestDamagedObjectIsCopiedAgain(t *testing.T) {
	t.Parallel()
	for _, compare := range comparisons() {
		t.Run(string(compare), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules, w.settings.Compare = opaqueETags, compare
			w.put("a", content(100, 1), driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "Put", Key: "a", Effect: memdriver.CorruptRequest(7)})
			if report, err := w.trySync(t.Context()); err != nil || report.Objects.Failed != 1 {
				t.Fatalf("%v, %+v", err, report.Objects)
			}
			w.destination.Heal()
			if report := w.sync(); report.Objects.Copied != 1 || report.Objects.Equal != 0 {
				t.Errorf("%+v", report.Objects)
			}
			w.arrived("a", content(100, 1))
			if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != 1 {
				t.Errorf("when it is copied: %+v", report.Objects)
			}
		})
	}
}

// TestFailedChangeIsCopiedAgain: an object that was copied, changed without looking newer
// than its copy, and could not be copied for once, is not taken for its copy.
func TestFailedChangeIsCopiedAgain(t *testing.T) {
	t.Parallel()
	failures := map[string]memdriver.Fault{
		"denied":  {Call: "Get", Effect: memdriver.Fail(403, "AccessDenied")},
		"failing": {Call: "Get", Effect: memdriver.Fail(500, "InternalError")},
		"damaged": {Call: "Get", Effect: memdriver.CorruptAnswer(3)},
	}
	for name, fault := range failures {
		for _, compare := range comparisons() {
			for sizeName, size := range map[string]int{"whole": 100, "in parts": 6 * minPart} {
				t.Run(name+", "+string(compare)+", "+sizeName, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.settings.Compare = compare
					if sizeName == "whole" {
						w.rules = opaqueETags
					}
					at := time.Now().Truncate(time.Second)
					now := func() time.Time { return at }
					w.source, w.destination = startServerAs(t, "src", memdriver.Config{Now: now}), startServerAs(t, "dst", memdriver.Config{Now: now})
					w.put("a", content(size, 1), driver.Attributes{})
					w.sync()
					proved := w.records()["a"].LastProof()
					w.put("a", content(size, 2), driver.Attributes{}) // in the same second
					w.source.Inject(fault)
					report, err := w.trySync(t.Context())
					if compare == job.CompareSize || compare == job.CompareMtime {
						if report.Objects.Equal != 1 { // it is what the user asked for
							t.Errorf("%v, %+v", err, report.Objects)
						}
						return
					}
					record := w.records()["a"]
					if record.Outcome != journal.OutcomeFailed || record.Proved != proved || proved.IsZero() {
						t.Errorf("on record %+v", record)
					}
					w.source.Heal()
					if report := w.sync(); report.Objects.Copied != 1 {
						t.Errorf("%+v", report.Objects)
					}
					w.arrived("a", content(size, 2))
				})
			}
		}
	}
}

// TestLastProofHolds: a version that failed and is gone again leaves what was proved before
// it, as long as both stores show that; no longer.
func TestLastProofHolds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		overwritten bool // the destination's object, meanwhile
		later       time.Duration
		want        int64
	}{
		"as it was": {false, 0, 0}, "overwritten": {true, 0, 1},
		"written later": {false, time.Minute, 1}, // with other attributes, perhaps
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			w.rules = opaqueETags
			w.put("a", content(100, 1), driver.Attributes{})
			w.sync()
			w.put("a", content(100, 2), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Fail(403, "AccessDenied")})
			for range 2 {
				if report, err := w.trySync(t.Context()); err != nil || report.Objects.Failed != 1 {
					t.Fatalf("%v, %+v", err, report.Objects)
				}
			}
			w.source.Heal()
			clock.turn(test.later)
			w.put("a", content(100, 1), driver.Attributes{})
			if test.overwritten {
				if _, err := w.destination.Put("dst", "a", content(100, 3), driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
			}
			if report := w.sync(); report.Objects.Copied != test.want || report.Objects.Equal != 1-test.want {
				t.Errorf("%+v", report.Objects)
			}
			w.arrived("a", content(100, 1))
		})
	}
}

// TestVerifyDoesNotVouchForAFailedCopy by what the journal knew before it.
func TestVerifyDoesNotVouchForAFailedCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", content(100, 1), driver.Attributes{})
	quiet := func(b driver.Bucket) driver.Bucket { return opaque{store: b.(store)} }
	w.wrapped(quiet, quiet, func(e *engine.Engine) {
		if report, err := e.Sync(t.Context()); err != nil || report.State != "done" {
			t.Fatalf("%v, %+v", err, report)
		}
	})
	w.put("a", content(100, 2), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Fail(403, "AccessDenied")})
	w.wrapped(quiet, quiet, func(e *engine.Engine) {
		if report, err := e.Sync(t.Context()); err != nil || report.Objects.Failed != 1 {
			t.Fatalf("%v, %+v", err, report)
		}
	})
	w.source.Heal()
	w.put("a", content(100, 1), driver.Attributes{})
	w.wrapped(quiet, quiet, func(e *engine.Engine) {
		result, err := e.Verify(t.Context(), false, func(engine.Difference) {})
		if err != nil || result.ByChecksum != 0 {
			t.Errorf("%v, %+v", err, result)
		}
	})
}

// TestChecksumsThatCannotBeCompared do not make objects equal by their times.
func TestChecksumsThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	for _, compare := range []job.Compare{job.CompareChecksum, job.CompareETag} {
		t.Run(string(compare), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Compare = compare
			w.put("a", content(100, 1), driver.Attributes{})
			if _, err := w.destination.Put("dst", "a", content(100, 2), driver.Attributes{}); err != nil { // later than its source
				t.Fatal(err)
			}
			quiet := func(b driver.Bucket) driver.Bucket { return opaque{store: b.(store)} }
			for run, copied := range []int64{1, 0} { // then the journal knows both versions
				w.wrapped(quiet, quiet, func(e *engine.Engine) {
					report, err := e.Sync(t.Context())
					if err != nil || report.State != "done" || report.Objects.Copied != copied || report.Objects.Equal != 1-copied {
						t.Errorf("run %d: %v, %+v", run+1, err, report.Objects)
					}
				})
				w.arrived("a", content(100, 1))
			}
		})
	}
}

// TestRewrittenBehindTheClock: where listings tell no ETags, the source's time of
// modification is compared with that of the version that was copied, and not with the
// destination's clock.
func TestRewrittenBehindTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := time.Now().Truncate(time.Second)
	w.source = startServerAs(t, "src", memdriver.Config{Now: func() time.Time { return at }})
	w.put("a", content(100, 1), driver.Attributes{})
	quiet := func(b driver.Bucket) driver.Bucket { return opaque{b.(store), true} }
	sync := func(copied int64) {
		t.Helper()
		w.wrapped(quiet, quiet, func(e *engine.Engine) {
			report, err := e.Sync(t.Context())
			if err != nil || report.State != "done" || report.Objects.Copied != copied {
				t.Errorf("%v, %+v", err, report.Objects)
			}
		})
	}
	sync(1)
	sync(0)
	at = at.Add(-time.Hour)
	w.put("a", content(100, 2), driver.Attributes{})
	sync(1)
	w.arrived("a", content(100, 2))
	sync(0)
}

// TestAbsentBucketIsNoDifference: only an object that is gone is copied to find out.
func TestAbsentBucketIsNoDifference(t *testing.T) {
	t.Parallel()
	for side := range 2 {
		w := newWorld(t)
		w.settings.Compare = job.CompareChecksum
		w.put("a", content(100, 1), driver.Attributes{})
		w.sync()
		server := []*memdriver.Server{w.source, w.destination}[side]
		server.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(404, driver.CodeNoSuchBucket)})
		if report, err := w.trySync(t.Context()); err == nil && report.State == "done" || report.Objects.Equal+report.Objects.Copied != 0 {
			t.Errorf("side %d: %v, %+v", side, err, report.Objects)
		}
		server.Heal()
		server.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Fail(404, "NoSuchKey")})
		if report, err := w.trySync(t.Context()); err != nil || report.Objects.Copied != 1 {
			t.Errorf("side %d, an absent object: %v, %+v", side, err, report.Objects)
		}
	}
}
