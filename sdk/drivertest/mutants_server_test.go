package drivertest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// inject seeds a bug in how the store handles one kind of request.
func inject(call string, effect func(*testBed) memdriver.Effect) func(*testBed) {
	return func(s *testBed) { s.Inject(memdriver.Fault{Call: call, Effect: effect(s)}) }
}

// onRequest alters a request before the store sees it.
func onRequest(change func(*http.Request)) func(*testBed) memdriver.Effect {
	return func(*testBed) memdriver.Effect {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				change(r)
				next.ServeHTTP(w, r)
			})
		}
	}
}

// keyOf reads the key that a request's path names.
func keyOf(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	key, _ := url.PathUnescape(strings.TrimPrefix(path, "/box/")) // empty where it is malformed
	return key
}

// unverified is a store that looks at no signature: what arrives is stored.
func unverified(store func(body []byte) (stored []byte)) func(*testBed) memdriver.Effect {
	return func(s *testBed) memdriver.Effect {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				stored := store(body)
				etag, err := s.Put("box", keyOf(r), stored, driver.Attributes{})
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				checksum, _ := sum(driver.AlgorithmCRC64NVME, stored)
				w.Header().Set("Etag", `"`+etag+`"`)
				w.Header().Set("X-Mem-Checksum-Crc64nvme", base64.StdEncoding.EncodeToString([]byte(checksum.Value)))
				if told := r.Header.Get("X-Mem-Checksum-Crc64nvme"); told != "" {
					w.Header().Set("X-Mem-Checksum-Crc64nvme", told) // taken on trust
				}
				w.WriteHeader(http.StatusOK)
			})
		}
	}
}

func asSent(body []byte) []byte { return body }

// unsignedGet answers any GET.
func unsignedGet(s *testBed) memdriver.Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, body, err := s.Get("box", keyOf(r))
			if err != nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = w.Write(body) // the client is gone when this fails
		})
	}
}

// anyAnswer accepts what the store refuses.
func anyAnswer(*testBed) memdriver.Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			w.Header().Set("Etag", recorded.Header().Get("Etag"))
			w.WriteHeader(http.StatusOK)
		})
	}
}

var (
	rangeEnd = regexp.MustCompile(`-(\d*)\d$`)
	trailer  = regexp.MustCompile(`(?s)^([0-9a-f]+)\r\n(.*)0\r\nx-mem-checksum-crc64nvme:`)
)

// serverMutants have bugs in the store, where a wrapped driver cannot reach.
func serverMutants() []mutant {
	return []mutant{
		{
			bug: "Range is ignored", caught: []string{"get-range", "get-range-refused"},
			server: inject("Get", onRequest(func(r *http.Request) { r.Header.Del("Range") })),
		},
		{
			bug: "ranges are short", caught: []string{"get-range"},
			server: inject("Get", onRequest(func(r *http.Request) {
				if wanted := r.Header.Get("Range"); wanted != "" {
					r.Header.Set("Range", rangeEnd.ReplaceAllString(wanted, "-${1}0"))
				}
			})),
		},
		{
			bug: "a byte is wrong", caught: []string{"get-range", "put-sizes"},
			server: inject("Get", func(*testBed) memdriver.Effect { return memdriver.CorruptAnswer(0) }),
		},
		{
			bug: "If-Match is ignored", caught: []string{"get-if-match"},
			server: inject("Get", onRequest(func(r *http.Request) { r.Header.Del("If-Match") })),
		},
		{bug: "body lengths are not signed", caught: []string{"put-length"}, server: inject("Put", unverified(asSent))},
		{bug: "announced checksums are not verified", caught: []string{"put-checksum"}, server: inject("Put", unverified(asSent))},
		{bug: "methods are not signed", caught: []string{"exchange-method"}, server: inject("Put", unverified(asSent))},
		{bug: "headers are not signed", caught: []string{"exchange-headers"}, server: inject("Put", unverified(asSent))},
		{bug: "paths of uploads are not signed", caught: []string{"exchange-path"}, server: inject("Put", unverified(asSent))},
		{bug: "paths of downloads are not signed", caught: []string{"exchange-path"}, server: inject("Get", unsignedGet)},
		{bug: "parts are not signed", caught: []string{"parts-length", "exchange-part"}, server: inject("Part", anyAnswer)},
		{bug: "tokens are good for any size", caught: []string{"bearer-put-size"}, bearer: true, server: inject("Put", unverified(asSent))},
		{bug: "tokens of parts are good for any key", caught: []string{"bearer-part-key"}, bearer: true, server: inject("Part", anyAnswer)},
		{
			bug: "trailers are not verified", caught: []string{"put-trailer"}, framing: "trailer",
			server: inject("Put", unverified(func(body []byte) []byte {
				return trailer.FindSubmatch(body)[2]
			})),
		},
		{
			bug: "half of a write is another's", caught: []string{"concurrent-puts"},
			server: inject("Put", unverified(func(body []byte) []byte {
				half := len(body) / 2
				return append(body[:half:half], bytes.ToUpper(body[half:])...)
			})),
		},
	}
}
