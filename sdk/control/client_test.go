package control

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestClientFollowsNoRedirectAndShowsTheClock(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	transport, err := NewTransport(driver.Transport{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	var clock Clock
	client := NewClient(transport, &clock)
	t.Cleanup(client.CloseIdleConnections)
	get := func(path string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Send(client, request)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status
	}
	if status := get("/moved"); status != http.StatusFound {
		t.Errorf("a redirect was answered by %d, want the redirect itself", status)
	}
	if status := get("/late"); status != http.StatusForbidden {
		t.Fatalf("status %d", status)
	}
	if ahead := time.Until(clock.Now()); ahead < 59*time.Minute {
		t.Errorf("the clock is %v ahead, want the store's hour", ahead)
	}
}

// body is an answer's body that knows whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

// RoundTrip answers with the body.
func (b *body) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{"A": {"b"}}, Body: b}, nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestSend(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://store.example/k?Signature=canary", nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := &body{Reader: strings.NewReader("short")}
	got, err := Send(&http.Client{Transport: whole}, request)
	if diff := cmp.Diff(Answer{http.StatusTeapot, http.Header{"A": {"b"}}, []byte("short")}, got); diff != "" || err != nil || !whole.closed {
		t.Errorf("Send: %v, body closed %v, answer (-want +got):\n%s", err, whole.closed, diff)
	}
	large := &body{Reader: bytes.NewReader(make([]byte, maxAnswer+1))}
	if got, err = Send(&http.Client{Transport: large}, request); err != nil || len(got.Body) != maxAnswer || !large.closed {
		t.Errorf("Send = %d bytes, %v, body closed %v; want %d bytes", len(got.Body), err, large.closed, maxAnswer)
	}
	broken := &body{Reader: io.MultiReader(strings.NewReader("begin"), errorReader{io.ErrUnexpectedEOF})}
	_, err = Send(&http.Client{Transport: broken}, request)
	if driver.KindOf(err) != driver.KindUnavailable || !strings.Contains(err.Error(), "store.example broke the connection") || strings.Contains(err.Error(), "canary") || !broken.closed {
		t.Errorf("Send with a broken body = %v (%v), body closed %v; want unavailable, the host and no query", err, driver.KindOf(err), broken.closed)
	}
}
