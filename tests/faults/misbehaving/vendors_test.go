package misbehaving

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// crossing is what a proxy does with an answer of an emulator on its way; false leaves it.
type crossing struct {
	destination bool
	harmless    bool
	answer      func(w http.ResponseWriter, honest *httptest.ResponseRecorder, number int64) bool
}

// crossings are about GETs of objects, and about PUTs and form posts.
func crossings() map[string]crossing {
	page := func(status int, kind, text string) func(http.ResponseWriter, *httptest.ResponseRecorder, int64) bool {
		return func(w http.ResponseWriter, _ *httptest.ResponseRecorder, _ int64) bool {
			say(w, status, kind, text)
			return true
		}
	}
	sized := func(send func(http.ResponseWriter, int, []byte), by int) func(http.ResponseWriter, *httptest.ResponseRecorder, int64) bool {
		return func(w http.ResponseWriter, honest *httptest.ResponseRecorder, _ int64) bool {
			body := append(make([]byte, max(by, 0)), honest.Body.Bytes()...)
			head(w, honest, "Content-Length")
			send(w, honest.Code, body[:len(body)+min(by, 0)])
			return true
		}
	}
	return map[string]crossing{
		"get-longer":       {answer: sized(chunked, 100)},
		"get-longer-close": {answer: sized(untilClose, 100)},
		"get-shorter":      {answer: sized(chunked, -100)},
		"get-login-page":   {answer: page(http.StatusOK, "text/html", loginPage)},
		"get-absent-page":  {answer: page(http.StatusNotFound, "text/html", loginPage)},
		"get-absent-empty": {answer: page(http.StatusNotFound, "text/plain", "")},
		"get-absent-once": {harmless: true, answer: func(w http.ResponseWriter, _ *httptest.ResponseRecorder, number int64) bool {
			if number > 1 {
				return false
			}
			say(w, http.StatusNotFound, "text/html", loginPage)
			return true
		}},
		"put-login-page":  {destination: true, answer: page(http.StatusOK, "text/html", loginPage)},
		"put-xml-error":   {destination: true, answer: page(http.StatusOK, "application/xml", "<Error><Code>InternalError</Code><Message>no</Message></Error>")},
		"put-json-error":  {destination: true, answer: page(http.StatusOK, "application/json", `{"error":"internal error"}`)},
		"put-without-all": {destination: true, answer: page(http.StatusOK, "text/plain", "")},
		"put-answer-lost": {destination: true, harmless: true, answer: func(_ http.ResponseWriter, _ *httptest.ResponseRecorder, number int64) bool {
			if number > 1 {
				return false
			}
			panic(http.ErrAbortHandler)
		}},
	}
}

// vendor is an emulator, a proxy before it, and a bucket by either way.
type vendor struct {
	emulator       *servers.Emulator
	bucket         string
	straight, bent driver.Bucket
	now            atomic.Pointer[crossing]
	seen           atomic.Int64
}

// TestNoCrossingEndsWell holds the plugins of other vendors to the same rule.
func TestNoCrossingEndsWell(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]map[string]string{
		"oss": {"region": "cn-hangzhou"}, "cos": {"region": "ap-guangzhou"}, "kodo": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := startVendor(t, name, options)
			all := crossings()
			for _, kind := range slices.Sorted(maps.Keys(all)) {
				t.Run(kind, func(t *testing.T) { v.try(t, name, kind, all[kind]) })
			}
		})
	}
}

func startVendor(t *testing.T, name string, options map[string]string) *vendor {
	t.Helper()
	v := &vendor{bucket: map[string]string{"oss": "data", "cos": "data-1250000000", "kodo": "data"}[name]}
	v.emulator = servers.StartEmulator(t, servers.EmulatorConfig{Vendor: name, Buckets: []string{v.bucket}, AccessKey: "access-key", SecretKey: "secret-key"})
	target, err := url.Parse(v.emulator.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableCompression: true} // what passes stays as it is
	bent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.pass(proxy, w, r) }))
	t.Cleanup(bent.Close)
	v.straight = openPlugin(t, name, v.bucket, withEndpoint(options, v.emulator.Endpoint), "access-key", "secret-key")
	v.bent = openPlugin(t, name, v.bucket, withEndpoint(options, bent.URL), "access-key", "secret-key")
	return v
}

func withEndpoint(options map[string]string, endpoint string) map[string]string {
	with := maps.Clone(options)
	with["endpoint"] = endpoint
	return with
}

// pass lets the crossing of the moment have the answers that it is about.
func (v *vendor) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	now := v.now.Load()
	put := r.Method == http.MethodPut || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
	if now == nil || now.destination != put {
		proxy.ServeHTTP(w, r)
		return
	}
	honest := httptest.NewRecorder()
	honest.Body = &bytes.Buffer{}
	proxy.ServeHTTP(honest, r)
	object := put || r.Method == http.MethodGet && strings.HasPrefix(honest.Header().Get("Content-Type"), "text/plain")
	if object && now.answer(w, honest, v.seen.Add(1)) {
		return
	}
	head(w, honest)
	w.WriteHeader(honest.Code)
	_, _ = w.Write(honest.Body.Bytes())
}

// try runs one crossing.
func (v *vendor) try(t *testing.T, name, kind string, told crossing) {
	w := newWorldOf(t, name, v.bent)
	w.lies = lie{destination: true}
	prefix, state := kind+"/", t.TempDir()
	for key, size := range map[string]int{"small": smallSize, "streamed": streamedSize} {
		w.giveSource(prefix+key, content(size, byte(len(key))), http.Header{"Content-Type": {"text/plain"}})
	}
	want := w.content(prefix)
	if !told.destination { // fill the source honestly
		w.behind = v.straight
		if filled := w.run(prefix, t.TempDir()); !filled.done() {
			t.Fatalf("not filled: %s", filled)
		}
		w.clear(prefix)
		w.behind = v.bent
	}
	w.lies.destination = told.destination
	v.seen.Store(0)
	v.now.Store(&told)
	first := w.run(prefix, state)
	v.now.Store(nil)
	if told.harmless && !first.done() {
		t.Errorf("not done: %s", first)
	}
	second := w.run(prefix, state)
	if !second.done() {
		t.Errorf("not done without the proxy's doing: %s", second)
	}
	for _, got := range []outcome{first, second} {
		if got.done() {
			v.compare(t, w, want, got)
		}
	}
}

// compare holds what arrived against what was given.
func (v *vendor) compare(t *testing.T, w *world, want map[string][]byte, told outcome) {
	t.Helper()
	for key, data := range want {
		held, _ := w.remembered(key)
		if w.lies.destination {
			var err error
			if held, err = engine.ReadObject(t.Context(), job.Location{Bucket: v.bucket, Prefix: key}, v.straight, 1<<20); err != nil {
				t.Error(err)
			}
		}
		if !bytes.Equal(held, data) {
			t.Errorf("done, and %q has %d bytes that the source never had: %s", key, len(held), told)
		}
	}
}
