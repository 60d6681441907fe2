package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
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

// world is a source and a destination on the reference store, and a state
// directory that outlives runs.
type world struct {
	versions    bool // the source tells the version of each object that it is asked about
	t           *testing.T
	source      *memdriver.Server
	destination *memdriver.Server
	state       string
	from, to    string // locations
	framing     string
	listing     string // "unordered" for both stores
	settings    job.Settings
	rules       func(*driver.Session)     // of the destination; nil for the reference store's
	sourceRules func(*driver.Session)     // the same of the source
	atSource    func(store) driver.Bucket // stands before the source; nil for nothing
	atTarget    func(store) driver.Bucket // and before the destination
	values      map[string]job.Value      // where the settings come from
	hidden      string                    // a key that the source's listings lack
	object      bool                      // the locations are of one object
	logger      hclog.Logger              // nil for none
	aliased     string                    // the bucket that the destination's name stands for
}

// minPart is small, so that small objects travel in parts.
const minPart = 1000

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, state: t.TempDir(), from: "mem://src", to: "mem://dst", framing: "raw"}
	w.settings = job.Settings{
		Compare: job.CompareAuto, MaxDelete: job.MaxDelete{Share: 0.1, Written: "10%"},
		PartSize: minPart, MultipartThreshold: 4 * minPart, Transfers: 8,
	}
	w.source, w.destination = startServer(t, "src"), startServer(t, "dst")
	return w
}

func startServer(t *testing.T, bucket string) *memdriver.Server {
	t.Helper()
	return startServerAs(t, bucket, memdriver.Config{})
}

func startServerAs(t *testing.T, bucket string, config memdriver.Config) *memdriver.Server {
	t.Helper()
	config.Accounts = map[string]memdriver.Account{"id": {Secret: "secret"}}
	server, err := memdriver.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket(bucket)
	return server
}

func (w *world) put(key string, data []byte, attributes driver.Attributes) {
	w.t.Helper()
	if _, err := w.source.Put("src", key, data, attributes); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open(endpoint, bucket string) driver.Bucket {
	w.t.Helper()
	credentials := map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": "secret"}
	opened, err := memdriver.New(func(name string) string { return credentials[name] }).Open(w.t.Context(), driver.OpenRequest{
		Bucket: bucket, Credentials: "env:MEM",
		Options: map[string]string{"endpoint": endpoint, "framing": w.framing, "listing": cmp.Or(w.listing, "ordered"), "min-part": fmt.Sprint(minPart)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return opened
}

// with runs the function with an engine on a fresh process's view: new buckets,
// the state file opened again.
func (w *world) with(run func(*engine.Engine)) {
	w.t.Helper()
	parse, parseDestination, build := job.Parse, job.ParseDestination, engine.New
	if w.object {
		parse, parseDestination, build = job.ParseObject, job.ParseObject, engine.NewObject
	}
	source, err := parse(w.from)
	if err != nil {
		w.t.Fatal(err)
	}
	destination, err := parseDestination(w.to)
	if err != nil {
		w.t.Fatal(err)
	}
	state, err := statefile.Open(w.t.Context(), w.state, statefile.Options{Command: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	from, to := w.open(w.source.Endpoint(), source.Bucket), w.open(w.destination.Endpoint(), cmp.Or(w.aliased, destination.Bucket))
	defer from.Close()
	defer to.Close()
	to, from = govern(w.t, to, w.rules), govern(w.t, from, w.sourceRules)
	from, to = behind(w.atSource, from), behind(w.atTarget, to)
	if w.hidden != "" {
		from = hiding{from, w.hidden}
	}
	if w.versions {
		from = versioned{from}
	}
	e, err := build(engine.Config{
		Job:    job.Job{Source: source, Destination: destination, Settings: w.settings, Values: w.values},
		Source: from, Destination: to, State: state, Counters: &observe.Counters{}, Logger: cmp.Or(w.logger, hclog.NewNullLogger()),
		Retry: retry.Policy{Attempts: 6, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	run(e)
}

// behind returns the bucket as something that stands before it shows it.
func behind(stand func(store) driver.Bucket, bucket driver.Bucket) driver.Bucket {
	able, ok := bucket.(store)
	if stand == nil || !ok {
		return bucket
	}
	return stand(able)
}

// hiding is a bucket whose listings lack a key.
type hiding struct {
	driver.Bucket
	key string
}

func (h hiding) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := h.Bucket.List(ctx, request)
	page.Objects = slices.DeleteFunc(page.Objects, func(object driver.Object) bool { return object.Key == h.key })
	return page, err
}

func (w *world) trySync(ctx context.Context) (report *observe.Report, err error) {
	w.t.Helper()
	w.with(func(e *engine.Engine) { report, err = e.Sync(ctx) })
	return report, err
}

// sync runs to the end and fails the test on anything but success.
func (w *world) sync() *observe.Report {
	w.t.Helper()
	report, err := w.trySync(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if report.State != "done" {
		w.t.Fatalf("state %q, problems %+v", report.State, report.Problems)
	}
	return report
}

// same checks that both buckets hold the same bytes and attributes, and that no
// upload is left open.
func (w *world) same() {
	w.t.Helper()
	if from, to := w.source.Keys("src"), w.destination.Keys("dst"); !slices.Equal(from, to) {
		w.t.Errorf("keys: source %q, destination %q", from, to)
	}
	for _, key := range w.source.Keys("src") {
		source, want, err := w.source.Get("src", key)
		if err != nil {
			w.t.Fatal(err)
		}
		destination, got, err := w.destination.Get("dst", key)
		if err != nil {
			w.t.Errorf("%q: %v", key, err)
			continue
		}
		if !bytes.Equal(got, want) {
			w.t.Errorf("%q: %d bytes differ from the source's %d", key, len(got), len(want))
		}
		if fmt.Sprint(source.Attributes) != fmt.Sprint(destination.Attributes) {
			w.t.Errorf("%q: attributes %+v, want %+v", key, destination.Attributes, source.Attributes)
		}
	}
	w.noUploads()
}

func (w *world) noUploads() {
	w.t.Helper()
	if open := w.destination.Uploads("dst"); len(open) > 0 {
		w.t.Errorf("uploads left open: %+v", open)
	}
}

// content returns n bytes that depend on the seed.
func content(n int, seed byte) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7) ^ byte(i>>8) ^ seed
	}
	return data
}
