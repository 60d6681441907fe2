package engine_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// without is the rules of a store that keeps no checksums; without ETags of MD5 where
// opaque.
func without(opaque bool) func(*driver.Session) {
	return func(s *driver.Session) { s.Checksums = driver.Checksums{ETagMD5: !opaque} }
}

// tacit is a store whose answers to HEAD state no checksum.
type tacit struct{ store }

func (t tacit) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := t.store.Stat(ctx, request)
	object.Checksums = nil
	return object, err
}

// silent has a store state no checksum in the answers to writes.
func silent(next http.Handler) http.Handler {
	return altered(next, func(header http.Header) { header.Del("X-Mem-Checksum-Crc64nvme") })
}

// otherETag has it state the ETag of another object.
func otherETag(next http.Handler) http.Handler {
	return altered(next, func(header http.Header) {
		header.Del("X-Mem-Checksum-Crc64nvme")
		header.Set("Etag", `"of-another-object"`)
	})
}

// altered changes the header of an answer.
func altered(next http.Handler, change func(http.Header)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		change(w.Header())
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes()) // the client is gone when this fails
	})
}

// unstored answers as a store does, and stores nothing.
func unstored(etag string) memdriver.Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"`+etag+`"`)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusOK)
		})
	}
}

// halved stores the first half of what was sent and answers as if all were well.
func halved(w *world) memdriver.Effect {
	return memdriver.Effect(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			_, data, err := w.source.Get("src", "object")
			if err == nil {
				_, err = w.destination.Put("dst", "object", data[:len(data)/2], driver.Attributes{})
			}
			if err != nil {
				w.t.Error(err)
			}
			unstored("0123")(nil).ServeHTTP(answer, r)
		})
	})
}

// TestWrittenIsProved: an answer to a PUT is believed only where it states the checksum of
// what was sent; else the destination is asked whether it has the object in this size and
// under the ETag of the answer.
func TestWrittenIsProved(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]func(*driver.Session){"checksums": nil, "ETags of MD5": without(false), "nothing": without(true)} {
		for way, size := range map[string]int{"empty": 0, "small": 100, "streamed": 300 << 10} {
			effects := map[string]func(*world) memdriver.Effect{
				"a login page":             func(*world) memdriver.Effect { return answer(200, "<html>please log in</html>") },
				"an error with status 200": func(*world) memdriver.Effect { return answer(200, "<Error><Code>InternalError</Code></Error>") },
				"an ETag, nothing stored":  func(*world) memdriver.Effect { return unstored("0123") },
				"half of it stored":        halved,
			}
			for effect, make := range effects {
				if effect == "half of it stored" && size == 0 {
					continue
				}
				t.Run(name+", "+way+", "+effect, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.rules = rules
					w.travels(way)
					w.put("object", content(size, 1), driver.Attributes{})
					w.destination.Inject(memdriver.Fault{Call: "Put", Times: 3, Effect: make(w)})
					if report := w.sync(); report.Objects.Copied != 1 || w.destination.Count("Put") != 4 {
						t.Errorf("%+v after %d PUTs, want one copied by the fourth", report.Objects, w.destination.Count("Put"))
					}
					w.same()
				})
			}
		}
	}
}

// TestAlwaysAnsweredByAnother: where no answer ever comes from the store, the object fails.
func TestAlwaysAnsweredByAnother(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]memdriver.Effect{"a page": answer(200, "<html>"), "an ETag": unstored("0123"), "another object's ETag": otherETag} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules = without(true)
			w.put("object", content(100, 1), driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "Put", Effect: effect})
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != 1 || report.Objects.Copied != 0 {
				t.Errorf("%+v, %v, want one failed", report.Objects, err)
			}
		})
	}
}

// TestEvidenceIsOfTheDestination: what the source states of itself is no evidence of what
// was written.
func TestEvidenceIsOfTheDestination(t *testing.T) {
	t.Parallel()
	both, one, size := observe.Evidence{BothEnds: 1}, observe.Evidence{OneEnd: 1}, observe.Evidence{SizeOnly: 1}
	tests := map[string]struct {
		source      memdriver.Effect
		destination func(*driver.Session)
		effect      memdriver.Effect
		want        observe.Evidence
		stats       int // of the destination
	}{
		"both state it":                    {nil, nil, nil, both, 0},
		"the answer does not, a HEAD does": {nil, nil, silent, both, 1},
		"the destination by its ETag":      {silent, without(false), silent, one, 0},
		"the source alone":                 {nil, without(true), silent, size, 1},
		"neither":                          {silent, without(true), silent, size, 1},
	}
	for name, test := range tests {
		for way, bytes := range map[string]int{"small": 100, "streamed": 300 << 10} {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.rules = test.destination
				w.travels(way)
				w.put("object", content(bytes, 1), driver.Attributes{})
				if test.destination != nil {
					w.atTarget = func(s store) driver.Bucket { return tacit{s} }
				}
				if test.source != nil {
					w.source.Inject(memdriver.Fault{Call: "Get", Effect: test.source})
					w.atSource = func(s store) driver.Bucket { return governed{tacit{s}, without(true)} }
				}
				if test.effect != nil {
					w.destination.Inject(memdriver.Fault{Call: "Put", Effect: test.effect})
				}
				report := w.sync()
				if diff := cmp.Diff(test.want, report.Evidence); diff != "" {
					t.Errorf("evidence (-want +got):\n%s", diff)
				}
				if got := w.destination.Count("Stat"); got != test.stats {
					t.Errorf("the destination was asked %d times, want %d", got, test.stats)
				}
			})
		}
	}
}
