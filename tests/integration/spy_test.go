package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// spy stands in front of a store, remembers every signature and session token that
// passes, and answers some keys as badly as it can: with what was sent to it.
type spy struct {
	*httptest.Server
	held    chan struct{} // closed when the request that is held has come
	release chan struct{} // closed by the test to let it pass
	refuse  bool          // answers listings with what it was sent
	hold    sync.Once

	mu       sync.Mutex
	seen     map[string]bool
	requests map[string]int
}

var headerSignature = regexp.MustCompile(`Signature=([0-9a-f]+)`)

// startSpy starts a spy in front of the store at the address.
func startSpy(t *testing.T, address string) *spy {
	t.Helper()
	s := &spy{held: make(chan struct{}), release: make(chan struct{}), seen: map[string]bool{}, requests: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.remember(r)
		if !s.misbehave(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *spy) address() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *spy) remember(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.Method+r.URL.Path]++
	for _, value := range []string{
		r.URL.Query().Get("X-Amz-Signature"), r.URL.Query().Get("X-Amz-Security-Token"), r.Header.Get("X-Amz-Security-Token"),
	} {
		s.seen[value] = true
	}
	if match := headerSignature.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
		s.seen[match[1]] = true
	}
	delete(s.seen, "")
}

// signatures returns what it saw.
func (s *spy) signatures() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for value := range s.seen {
		found = append(found, value)
	}
	return found
}

// misbehave answers the GETs of some objects itself.
func (s *spy) misbehave(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	s.mu.Lock()
	times := s.requests[r.Method+r.URL.Path]
	s.mu.Unlock()
	w.Header().Set("X-Amz-Request-Id", "spy")
	said := fmt.Sprintf("%s %s, Authorization: %s", r.Method, r.URL, r.Header.Get("Authorization"))
	switch {
	case s.refuse:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>you may not %s, token %s</Message></Error>", escaped(said), r.Header.Get("X-Amz-Security-Token"))
	case strings.HasSuffix(r.URL.Path, "object-0000001"): // as S3 does: what it was sent, beside the message
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><StringToSign>%s</StringToSign></Error>", escaped(said))
	case strings.HasSuffix(r.URL.Path, "object-0000002"): // in the message
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "<Error><Code>InvalidRequest</Code><Message>cannot read %s</Message></Error>", escaped(said))
	case strings.HasSuffix(r.URL.Path, "object-0000003"): // in a redirection
		http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.String(), http.StatusTemporaryRedirect)
	case strings.HasSuffix(r.URL.Path, "object-0000004") && times < 3: // a network error, whose text has the URL in Go
		panic(http.ErrAbortHandler)
	case strings.HasSuffix(r.URL.Path, "object-0000005"):
		s.hold.Do(func() { close(s.held) })
		<-s.release
		return false
	default:
		return false
	}
	return true
}

func escaped(text string) string { return strings.ReplaceAll(text, "&", "&amp;") }
