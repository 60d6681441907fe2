package engine_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestRetriesAreOneLayer: whatever request of an object fails, it is made as often as the
// policy says, six times here, and not as often as that within each attempt.
func TestRetriesAreOneLayer(t *testing.T) {
	t.Parallel()
	overridden := memdriver.Config{ForceDownload: true}
	tests := map[string]struct {
		way      string
		source   memdriver.Config
		rules    func(*driver.Session)
		tags     bool
		atSource bool
		call     string
		effect   memdriver.Effect // of another call, that has this one made
		most     int
	}{
		"tags, small":             {way: "small", tags: true, atSource: true, call: "Tags", most: 6},
		"tags, streamed":          {way: "streamed", tags: true, atSource: true, call: "Tags", most: 6},
		"tags, in parts":          {way: "in parts", tags: true, atSource: true, call: "Tags", most: 6},
		"attributes, small":       {way: "small", source: overridden, atSource: true, call: "Stat", most: 6},
		"attributes, streamed":    {way: "streamed", source: overridden, atSource: true, call: "Stat", most: 6},
		"attributes, in parts":    {way: "in parts", source: overridden, atSource: true, call: "Stat", most: 6},
		"what was stored, small":  {way: "small", rules: without(true), call: "Stat", effect: silent, most: 6},
		"what was stored, stream": {way: "streamed", rules: without(true), call: "Stat", effect: silent, most: 6},
		"a look for the key":      {way: "small", atSource: true, call: "Stat", effect: memdriver.Fail(404, "NoSuchKey"), most: 6},
		"completed or not":        {way: "in parts", call: "Stat", effect: memdriver.Fail(500, "InternalError"), most: 6},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source = startServerAs(t, "src", test.source)
			w.rules, w.settings.Tags = test.rules, test.tags
			w.travels(test.way)
			w.put("object", content(objectSizes[test.way], 1), driver.Attributes{})
			server, other := w.destination, "Put"
			if test.atSource {
				server, other = w.source, "Get"
			}
			if test.way == "in parts" && !test.atSource {
				other = "CompleteUpload"
			}
			if test.effect != nil {
				server.Inject(memdriver.Fault{Call: other, Effect: test.effect})
			}
			server.Inject(memdriver.Fault{Call: test.call, Effect: memdriver.Fail(500, "InternalError")})
			report, err := w.trySync(t.Context())
			if err != nil || len(report.Problems) != 1 {
				t.Fatalf("%+v, %v, want one failed", report.Objects, err)
			}
			if got := server.Count(test.call); got == 0 || got > test.most {
				t.Errorf("%s was called %d times, want at most %d", test.call, got, test.most)
			}
			if !strings.Contains(report.Problems[0].Error, "after 6 attempts") {
				t.Errorf("error %q does not name the attempts", report.Problems[0].Error)
			}
		})
	}
}

// TestBusyAtFirstContact: a store that answers, whatever it says, gets all attempts.
func TestBusyAtFirstContact(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"SlowDown", "ServiceUnavailable"} {
		for _, side := range []string{"source", "destination"} {
			t.Run(side+", "+code, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.put("object", content(10, 1), driver.Attributes{})
				server := map[string]*memdriver.Server{"source": w.source, "destination": w.destination}[side]
				server.Inject(memdriver.Fault{Call: "List", Times: 5, Effect: memdriver.Fail(503, code)})
				w.sync()
				w.same()
			})
		}
	}
}

// TestNobodyAtFirstContact: a store that never answers is more likely misnamed. A listing
// that breaks off is never taken for one that ended.
func TestNobodyAtFirstContact(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"source", "destination"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(10, 1), driver.Attributes{})
			server := map[string]*memdriver.Server{"source": w.source, "destination": w.destination}[side]
			server.Inject(memdriver.Fault{Call: "List", Effect: memdriver.CutRequest(0)})
			_, err := w.trySync(t.Context())
			if got := server.Count("List"); got != 3 || driver.KindOf(err) != driver.KindUnavailable {
				t.Errorf("%d listings and %v, want 3", got, err)
			}
		})
	}
}

// TestRefusalAtTheLastAttempt: an object that is denied when no attempt is left fails; the
// others are copied, and the run is not parked.
func TestRefusalAtTheLastAttempt(t *testing.T) {
	t.Parallel()
	tests := map[string][]memdriver.Fault{
		"after outages": {
			{Times: 5, Effect: memdriver.Fail(500, "InternalError")},
			{First: 6, Effect: memdriver.Fail(403, "AccessDenied")},
		},
		"after expired signatures": {
			{Times: 2, Effect: memdriver.Fail(403, "Expired")},
			{First: 3, Effect: memdriver.Fail(403, "AccessDenied")},
		},
	}
	for name, faults := range tests {
		for _, call := range []string{"Get", "Put"} {
			t.Run(call+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, key := range []string{"a", "b", "c", "d", "e"} {
					w.put(key, content(10, 1), driver.Attributes{})
				}
				for _, fault := range faults {
					fault.Call, fault.Key = call, "c"
					map[string]*memdriver.Server{"Get": w.source, "Put": w.destination}[call].Inject(fault)
				}
				report, err := w.trySync(t.Context())
				var parked *engine.ParkedError
				if errors.As(err, &parked) || report.Objects.Failed != 1 || report.Objects.Copied != 4 {
					t.Fatalf("%+v, %v, want one failed and four copied", report.Objects, err)
				}
				if text := report.Problems[0].Error; !strings.Contains(text, "AccessDenied") {
					t.Errorf("error %q does not say what was refused", text)
				}
			})
		}
	}
}

// chunkedAndShort sends fewer bytes than the object has, without saying how many.
func chunkedAndShort(next http.Handler) http.Handler {
	return altered(next, func(header http.Header) {
		header.Del("Content-Length")
		header.Set("Transfer-Encoding", "identity") // until the connection ends
		header.Set("Connection", "close")
	})
}

// TestShortSourceIsTheSources: a body without a length that ends early is the source's
// failure, whatever the destination says of it.
func TestShortSourceIsTheSources(t *testing.T) {
	t.Parallel()
	for way, size := range map[string]int{"small": 100, "streamed": 300 << 10, "in parts": 9 * minPart} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.travels(way)
			w.put("object", content(size, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: chunkedAndShort})
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: shortened})
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != 1 {
				t.Fatalf("%+v, %v, want one failed", report.Objects, err)
			}
			if text := report.Problems[0].Error; !strings.HasPrefix(text, "source: ") {
				t.Errorf("error %q does not blame the source", text)
			}
		})
	}
}

// shortened leaves out the last bytes of a body.
func shortened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(shortWriter{w}, r) })
}

type shortWriter struct{ http.ResponseWriter }

func (s shortWriter) Write(p []byte) (int, error) {
	if _, err := s.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	return len(p), nil
}
