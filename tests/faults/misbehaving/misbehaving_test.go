package misbehaving

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/sdk/memdriver"
)

const (
	partSize = 5 << 20
	// smallSize is read into memory first, streamedSize is not.
	smallSize, streamedSize, largeSize = 1000, 300 << 10, partSize + 100_000
)

// TestNoLieEndsWell runs every lie under every profile: a run that says it is done has made
// the destination right, and once the store is honest the next run does.
func TestNoLieEndsWell(t *testing.T) {
	t.Parallel()
	for _, p := range profiles(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p)
			for _, name := range slices.Sorted(maps.Keys(lies)) {
				t.Run(name, func(t *testing.T) { w.on(t).try(name, lies[name]) })
			}
		})
	}
}

// world is a liar behind its plugin, and an honest store on the other side.
type world struct {
	t      *testing.T
	plugin string
	nature Nature
	liar   *Store        // nil where the proxy of an emulator lies
	behind driver.Bucket // the liar
	honest *memdriver.Server
	other  driver.Bucket // the honest one
	lies   lie           // at the moment
}

func newWorld(t *testing.T, p profile) *world {
	t.Helper()
	liar := Start(t, p.nature)
	w := newWorldOf(t, p.plugin, openPlugin(t, p.plugin, bucketName, withEndpoint(p.options, liar.Endpoint), "id", "secret"))
	w.nature, w.liar = p.nature, liar
	return w
}

// newWorldOf returns a world whose liar stands behind the bucket.
func newWorldOf(t *testing.T, plugin string, behind driver.Bucket) *world {
	t.Helper()
	honest, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = honest.Close() })
	honest.CreateBucket(bucketName)
	keys := map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": "secret"}
	other, err := memdriver.New(func(name string) string { return keys[name] }).Open(t.Context(), driver.OpenRequest{
		Bucket: bucketName, Credentials: "env:MEM", Options: map[string]string{"endpoint": honest.Endpoint(), "min-part": "1000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return &world{t: t, plugin: plugin, behind: behind, honest: honest, other: other}
}

// openPlugin opens a bucket through a real plugin process.
func openPlugin(t *testing.T, plugin, bucket string, options map[string]string, id, secret string) driver.Bucket {
	t.Helper()
	plugins := filepath.Join("..", "..", "..", "bin", "plugins")
	manifests, err := host.Find([]string{plugins})
	if err != nil {
		t.Fatalf("%v: run make build first", err)
	}
	i := slices.IndexFunc(manifests, func(m host.Manifest) bool { return m.Name == plugin })
	if i < 0 {
		t.Fatalf("no plugin %s in %s: run make build first", plugin, plugins)
	}
	opened, err := host.Open(t.Context(), manifests[i], driver.OpenRequest{Bucket: bucket, Credentials: "env:LIAR", Options: options},
		host.Options{Environ: []string{"LIAR_ACCESS_KEY_ID=" + id, "LIAR_SECRET_ACCESS_KEY=" + secret}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// on returns the world for a test of its own.
func (w *world) on(t *testing.T) *world {
	clone := *w
	clone.t = t
	return &clone
}

// try runs one lie.
func (w *world) try(name string, told lie) {
	w.t.Helper()
	if told.blind != nil && told.blind(w.nature) {
		return // nothing such a store says could show it
	}
	w.lies = told
	prefix, state := name+"/", w.t.TempDir()
	sizes := map[string]int{"small": smallSize, "streamed": streamedSize}
	if told.large {
		sizes = map[string]int{"large": largeSize}
	}
	for key, size := range sizes {
		w.giveSource(prefix+key, content(size, byte(len(key))), http.Header{
			"Content-Type": {"text/plain"}, "Cache-Control": {"max-age=60"}, "X-Amz-Meta-Owner": {"me"},
		})
	}
	if told.plant != nil {
		told.plant(w, prefix)
	}
	before := w.content(prefix)
	first := w.run(prefix, state)
	w.judge(prefix, first, before)
	if told.harmless && !first.done() {
		w.t.Errorf("not done: %s", first)
	}
	if told.check != nil {
		told.check(w, prefix, first)
	}
	w.liar.Heal(name)
	second := w.run(prefix, state)
	w.judge(prefix, second, before)
	if !told.lasting && !second.done() {
		w.t.Errorf("not done with an honest store: %s", second)
	}
	w.clear(prefix)
}

// outcome is how a run ended.
type outcome struct {
	report *observe.Report
	err    error
	text   string // the report as JSON
}

// done says that dth would exit with 0.
func (o outcome) done() bool { return o.err == nil && o.report.State == "done" }

func (o outcome) String() string {
	if o.err != nil {
		return o.err.Error()
	}
	return o.text
}

// run syncs the keys below the prefix.
func (w *world) run(prefix, folder string) outcome {
	w.t.Helper()
	state, err := statefile.Open(w.t.Context(), folder, statefile.Options{Command: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	location := func(plugin string) job.Location {
		return job.Location{Plugin: plugin, Bucket: bucketName, Prefix: prefix, Options: map[string]string{}}
	}
	from, to, source, destination := location(w.plugin), location("mem"), w.behind, w.other
	if w.lies.destination {
		from, to, source, destination = to, from, destination, source
	}
	e, err := engine.New(engine.Config{
		Job: job.Job{Source: from, Destination: to, Settings: job.Settings{
			Compare: job.CompareAuto, MaxDelete: job.MaxDelete{Share: 0.1, Written: "10%"}, Unmappable: job.UnmappableFail,
			Metadata: job.MetadataAll, ServerSide: job.ServerSideAuto, PartSize: partSize, MultipartThreshold: partSize, Transfers: 4,
		}},
		Source: source, Destination: destination, State: state, Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
		Retry: retry.Policy{Attempts: 4, Base: time.Millisecond, Cap: 2 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close()
	report, err := e.Sync(w.t.Context())
	text, failure := json.Marshal(report)
	if failure != nil {
		w.t.Fatal(failure)
	}
	return outcome{report, err, string(text)}
}

// judge holds a run that says it is done to what the destination has: the bytes of a
// version that the source had, and its attributes unless the report tells otherwise.
func (w *world) judge(prefix string, told outcome, before map[string][]byte) {
	w.t.Helper()
	if !told.done() {
		return
	}
	now := w.content(prefix)
	for _, key := range slices.Sorted(maps.Keys(now)) {
		held, header := w.arrived(key)
		if held == nil {
			w.t.Errorf("done, and the destination lacks %q", key)
			continue
		}
		if !bytes.Equal(held, now[key]) && !bytes.Equal(held, before[key]) {
			w.t.Errorf("done, and %q has %d bytes that the source never had (there %d): %s", key, len(held), len(now[key]), told)
		}
		_, want := w.given(key)
		for name := range want {
			if header.Get(name) != want.Get(name) && told.report.Objects.Adapted == 0 {
				w.t.Errorf("done, and %q has %s %q, want %q", key, name, header.Get(name), want.Get(name))
			}
		}
	}
}

// giveSource gives the source an object.
func (w *world) giveSource(key string, data []byte, header http.Header) {
	w.t.Helper()
	if !w.lies.destination {
		w.liar.Put(key, data, header)
		return
	}
	attributes := driver.Attributes{ContentType: header.Get("Content-Type"), CacheControl: header.Get("Cache-Control")}
	if owner := header.Get("X-Amz-Meta-Owner"); owner != "" {
		attributes.Metadata = []driver.Metadata{{Name: "owner", Value: owner}}
	}
	if _, err := w.honest.Put(bucketName, key, data, attributes); err != nil {
		w.t.Fatal(err)
	}
}

// content returns what the source holds below the prefix.
func (w *world) content(prefix string) map[string][]byte {
	w.t.Helper()
	found, keys := map[string][]byte{}, w.honest.Keys(bucketName)
	if !w.lies.destination {
		keys = w.liar.Keys(prefix)
	}
	for _, key := range keys {
		if strings.HasPrefix(key, prefix) {
			found[key], _ = w.given(key)
		}
	}
	return found
}

// given returns an object of the source.
func (w *world) given(key string) ([]byte, http.Header) {
	w.t.Helper()
	if !w.lies.destination {
		return w.liar.Get(key)
	}
	return w.remembered(key)
}

// arrived returns an object of the destination; nil where there is none.
func (w *world) arrived(key string) ([]byte, http.Header) {
	w.t.Helper()
	if w.lies.destination {
		return w.liar.Get(key)
	}
	return w.remembered(key)
}

// remembered returns an object of the honest store in the liar's words.
func (w *world) remembered(key string) ([]byte, http.Header) {
	object, data, err := w.honest.Get(bucketName, key)
	if err != nil {
		return nil, nil
	}
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": object.Attributes.ContentType, "Cache-Control": object.Attributes.CacheControl,
		"Content-Encoding": object.Attributes.ContentEncoding,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	for _, pair := range object.Attributes.Metadata {
		header.Set("X-Amz-Meta-"+pair.Name, pair.Value)
	}
	return data, header
}

// clear forgets the objects of a lie, which are large.
func (w *world) clear(prefix string) {
	if w.liar != nil {
		for _, key := range w.liar.Keys(prefix) {
			w.liar.Remove(key)
		}
	}
	for _, key := range w.honest.Keys(bucketName) {
		if err := w.other.Delete(w.t.Context(), driver.DeleteRequest{Key: key}); err != nil {
			w.t.Error(err)
		}
	}
}

// content returns bytes that depend on the seed.
func content(n int, seed byte) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7) ^ byte(i>>8) ^ cmp.Or(seed, 1)
	}
	return data
}
