package proxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// Store stands in front of an S3 server and records what it is asked. It changes nothing, so
// that signatures stay good, and holds no body in memory. Safe for concurrent use.
type Store struct {
	forward *httputil.ReverseProxy

	mu    sync.Mutex
	calls []Call
}

// StartStoreForTest serves one in front of the server at an endpoint on a free port of
// loopback until the test ends, and returns its own endpoint, "http://127.0.0.1:PORT".
func StartStoreForTest(t testing.TB, server string) (*Store, string) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(fmt.Errorf("the server's endpoint: %w", err))
	}
	s := &Store{forward: httputil.NewSingleHostReverseProxy(target)}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	return s, front.URL
}

// ServeHTTP passes a request on.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := Call{}
	call.AccessKey, call.Service = signerOf(r)
	call.ofBucket(r)
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	s.forward.ServeHTTP(w, r)
}

// Calls returns the calls in the order in which they came in. Nobody's, without a
// signature, have no service.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
