package memdriver

import (
	"bytes"
	"io"
	"net/http"
)

// Fault makes the server misbehave on some requests.
type Fault struct {
	Call   string // "Get", "Put", "Part", or a driver method: "List", "Stat", "CompleteUpload", …; empty for all
	Bucket string // empty for all
	Key    string // empty for all
	First  int    // the first matching request that it strikes, from 1; 0 means 1
	Times  int    // how many it strikes; 0 for all from then on
	Effect Effect
}

// Effect wraps the server's handler of one request.
type Effect func(http.Handler) http.Handler

// activeFault counts the requests that a fault matched.
type activeFault struct {
	Fault
	seen int
}

// Inject adds a fault. Faults that match the same request apply together, the
// oldest outermost.
func (s *Server) Inject(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &activeFault{Fault: fault})
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// faulty wraps the handler with the effects that strike this call.
func (s *Server) faulty(c call, handler http.Handler) http.Handler {
	s.mu.Lock()
	var effects []Effect
	for _, fault := range s.faults {
		if fault.strikes(c) {
			effects = append(effects, fault.Effect)
		}
	}
	s.mu.Unlock()
	for i := len(effects) - 1; i >= 0; i-- {
		handler = effects[i](handler)
	}
	return handler
}

func (f *activeFault) strikes(c call) bool {
	if f.Call != "" && f.Call != c.name || f.Bucket != "" && f.Bucket != c.bucket || f.Key != "" && f.Key != c.key {
		return false
	}
	f.seen++
	first := max(f.First, 1)
	return f.seen >= first && (f.Times == 0 || f.seen < first+f.Times)
}

// Fail answers with the status and code instead of doing anything.
func Fail(status int, code string) Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refuse(w, r, call{query: r.URL.Query()}, &failure{status, code, "injected"})
		})
	}
}

// Do runs a function before the request is handled, e.g. to change the object.
func Do(before func()) Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			before()
			next.ServeHTTP(w, r)
		})
	}
}

// Hold keeps the request waiting until release is closed or the client leaves.
func Hold(release <-chan struct{}) Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The server notices that a client left only once it has read the body.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			select {
			case <-release:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
	}
}

// CutAnswer breaks the connection after n bytes of the answer's body.
func CutAnswer(n int) Effect {
	return onAnswer(func(w http.ResponseWriter, body []byte) {
		_, _ = w.Write(body[:min(n, len(body))])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// CorruptAnswer flips one bit of the n-th byte of the answer's body, from 0.
func CorruptAnswer(n int) Effect {
	return onAnswer(func(w http.ResponseWriter, body []byte) { _, _ = w.Write(flipped(body, n)) })
}

// LoseAnswer executes the request and breaks the connection without an answer.
func LoseAnswer() Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		})
	}
}

// CutRequest breaks the connection after n bytes of the request's body.
func CutRequest(n int64) Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, n) // cut here, or cut already
			panic(http.ErrAbortHandler)
		})
	}
}

// CorruptRequest flips one bit of the n-th byte of the request's body, from 0.
func CorruptRequest(n int) Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(flipped(body, n)))
			next.ServeHTTP(w, r)
		})
	}
}

func flipped(body []byte, n int) []byte {
	if n >= len(body) {
		return body
	}
	body = bytes.Clone(body)
	body[n] ^= 1
	return body
}

// onAnswer lets write replace the body of the answer; the header, with the
// length of the whole, is the handler's.
func onAnswer(write func(w http.ResponseWriter, body []byte)) Effect {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(bodyWriter{w, write}, r)
		})
	}
}

// bodyWriter passes the one Write that the server makes for each answer on.
type bodyWriter struct {
	http.ResponseWriter
	write func(w http.ResponseWriter, body []byte)
}

func (b bodyWriter) Write(body []byte) (int, error) {
	b.write(b.ResponseWriter, body)
	return len(body), nil
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header            { return d.header }
func (d discard) Write(body []byte) (int, error) { return len(body), nil }
func (d discard) WriteHeader(int)                {}
