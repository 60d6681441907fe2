package engine_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// wrapping puts another store's behaviour around a bucket.
type wrapping func(store) driver.Bucket

// ruled is the reference store with another session.
func ruled(change func(*driver.Session)) wrapping {
	return func(bucket store) driver.Bucket { return governed{bucket, change} }
}

func noChecksums(s *driver.Session) { s.Checksums = driver.Checksums{} }

// between is with, between buckets that are wrapped; nil wraps nothing.
func (w *world) between(from, to wrapping, run func(*engine.Engine)) {
	w.t.Helper()
	source, err := job.Parse(w.from)
	if err != nil {
		w.t.Fatal(err)
	}
	destination, err := job.ParseDestination(w.to)
	if err != nil {
		w.t.Fatal(err)
	}
	state, err := statefile.Open(w.t.Context(), w.state, statefile.Options{Command: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	buckets := []driver.Bucket{w.open(w.source.Endpoint(), source.Bucket), w.open(w.destination.Endpoint(), destination.Bucket)}
	for i, wrap := range []wrapping{from, to} {
		defer buckets[i].Close()
		if wrap != nil {
			buckets[i] = wrap(buckets[i].(store))
		}
	}
	e, err := engine.New(engine.Config{
		Job:    job.Job{Source: source, Destination: destination, Settings: w.settings},
		Source: buckets[0], Destination: buckets[1], State: state, Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
		Retry: retry.Policy{Attempts: 4, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	run(e)
}

// syncBetween is trySync between buckets that are wrapped.
func (w *world) syncBetween(ctx context.Context, from, to wrapping) (report *observe.Report, err error) {
	w.t.Helper()
	w.between(from, to, func(e *engine.Engine) { report, err = e.Sync(ctx) })
	return report, err
}

// arrived fails the test unless the destination holds these bytes.
func (w *world) arrived(key string, want []byte) driver.Object {
	w.t.Helper()
	object, got, err := w.destination.Get("dst", key)
	if err != nil {
		w.t.Fatal(err)
	}
	if string(got) != string(want) {
		w.t.Errorf("%q at the destination has %d bytes, not the %d that are right", key, len(got), len(want))
	}
	return object
}

// onHeader changes the headers of an answer before they are sent.
func onHeader(change func(http.Header)) memdriver.Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&headerWriter{w, change, false}, r)
		})
	}
}

type headerWriter struct {
	http.ResponseWriter
	change func(http.Header)
	sent   bool
}

func (h *headerWriter) WriteHeader(status int) {
	if !h.sent {
		h.change(h.Header())
		h.sent = true
	}
	h.ResponseWriter.WriteHeader(status)
}

// interrupted runs a sync that ends while it sends the given part, and leaves the upload open.
func (w *world) interrupted(part int, from, to wrapping) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	release := make(chan struct{})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: part, Times: 1, Effect: memdriver.Do(cancel)})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: part, Effect: memdriver.Hold(release)})
	_, err := w.syncBetween(ctx, from, to)
	close(release)
	w.destination.Heal()
	if err == nil || len(w.destination.Uploads("dst")) != 1 {
		w.t.Fatalf("the interrupted run ended with %v and left %d uploads", err, len(w.destination.Uploads("dst")))
	}
}

func mustRun(t *testing.T, report *observe.Report, err error) {
	t.Helper()
	if err != nil || report.State != "done" {
		t.Fatalf("state %q, %v, problems %+v", report.State, err, report.Problems)
	}
}
