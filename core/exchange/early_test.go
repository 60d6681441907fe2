package exchange

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// way is one way on which a client reaches a store.
type way struct {
	transport driver.Transport
	scheme    string
	accept    func(net.Conn) net.Conn // what the store does with a connection first
}

// ways are all ways; the certificate is that of example.com.
func ways(certificate tls.Certificate) map[string]way {
	secure := func(conn net.Conn) net.Conn {
		return tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true})
	}
	same := func(conn net.Conn) net.Conn { return conn }
	proxy := driver.Transport{Proxy: "http://user:secret@proxy.invalid:3128"}
	return map[string]way{
		"direct":      {direct, "http", same},
		"TLS":         {direct, "https", secure},
		"proxied":     {proxy, "http", same},
		"proxied TLS": {proxy, "https", func(conn net.Conn) net.Conn { return secure(tunnelled(conn)) }},
	}
}

// tunnelled takes a CONNECT.
func tunnelled(conn net.Conn) net.Conn {
	if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil && request.Method == http.MethodConnect {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	}
	return conn
}

// certified returns a certificate for example.com, and the clients' trust in it.
func certified(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	return server.TLS.Certificates[0], trusted
}

// TestAnswerWhileSending: what a store answers to a body that it does not read on is read at
// once, and counts only as a refusal.
func TestAnswerWhileSending(t *testing.T) {
	t.Parallel()
	const (
		refused  = "HTTP/1.1 403 Forbidden\r\nX-Id: i\r\n"
		document = "<Error><Code>AccessDenied</Code></Error>"
		accepted = "HTTP/1.1 200 OK\r\nX-Id: i\r\nETag: e\r\nContent-Length: 0\r\n\r\n"
	)
	wait := func(_ net.Conn, _ io.Reader, done <-chan struct{}) { <-done }
	leave := func(net.Conn, io.Reader, <-chan struct{}) {}
	readOn := func(conn net.Conn, body io.Reader, _ <-chan struct{}) {
		_, _ = io.Copy(io.Discard, body)
		_, _ = io.WriteString(conn, accepted)
	}
	tests := map[string]struct {
		answer string
		then   func(conn net.Conn, body io.Reader, done <-chan struct{})
		kind   driver.Kind // KindUnknown for a success
		text   string
	}{
		"refused, reads no more":      {refused + "Content-Length: 40\r\n\r\n" + document, wait, driver.KindDenied, "AccessDenied"},
		"refused, until close":        {refused + "\r\n" + document, wait, driver.KindDenied, "AccessDenied"},
		"refused and closed":          {refused + "Content-Length: 40\r\n\r\n" + document, leave, driver.KindDenied, "AccessDenied"},
		"accepted, reads no more":     {accepted, wait, driver.KindUnavailable, "before it had the whole body"},
		"accepted and closed":         {accepted, leave, driver.KindUnavailable, "before it had the whole body"},
		"an interim answer, reads on": {"HTTP/1.1 100 Continue\r\n\r\n", readOn, driver.KindUnknown, ""},
		"nothing, closed":             {"", leave, driver.KindUnavailable, "failed"},
	}
	certificate, trusted := certified(t)
	for name, test := range tests {
		for on, way := range ways(certificate) {
			t.Run(name+", "+on, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					done := make(chan struct{})
					client := piped(t, way.transport, func(conn net.Conn) {
						conn = way.accept(conn)
						request, err := http.ReadRequest(bufio.NewReader(&slowReader{conn, 10_000, time.Second}))
						if err != nil {
							return
						}
						_, _ = io.WriteString(conn, test.answer)
						test.then(conn, request.Body, done)
					})
					client.sender.pool.tls.RootCAs = trusted
					began := time.Now()
					_, err := client.Do(t.Context(), driver.Exchange{Method: "PUT", URL: way.scheme + "://example.com/", Reply: pacedReply},
						Request{Body: bytes.NewReader(make([]byte, 1<<20)), Size: 1 << 20})
					close(done)
					if driver.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), test.text) {
						t.Errorf("%v; want kind %v with %q", err, test.kind, test.text)
					}
					if took := time.Since(began); took > 30*time.Second && test.kind != driver.KindUnknown {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

// TestWaysHaveTheSameLimits: a stalled answer ends on every way, and so does a way that
// cannot be opened.
func TestWaysHaveTheSameLimits(t *testing.T) {
	t.Parallel()
	certificate, trusted := certified(t)
	for on, way := range ways(certificate) {
		for name, answer := range map[string]string{"no answer": "", "a body that stalls": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"} {
			t.Run(name+", "+on, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					done := make(chan struct{})
					client := piped(t, way.transport, func(conn net.Conn) {
						conn = way.accept(conn)
						if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
							_, _ = io.WriteString(conn, answer)
							<-done
						}
					})
					client.sender.pool.tls.RootCAs = trusted
					got, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: way.scheme + "://example.com/", Reply: pacedReply}, Request{})
					if err == nil {
						_, err = io.Copy(io.Discard, got.Body)
						_ = got.Body.Close()
					}
					close(done)
					checkPace(t, err, &PaceError{Time: 2 * time.Minute})
				})
			})
		}
		t.Run("no connection, "+on, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				done := make(chan struct{})
				client := piped(t, way.transport, func(conn net.Conn) { <-done })
				began := time.Now()
				_, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: way.scheme + "://example.com/", Reply: pacedReply}, Request{})
				close(done)
				if took := time.Since(began); err == nil || strings.Contains(err.Error(), "secret") || took > 3*time.Minute {
					t.Errorf("%v after %v", err, took)
				}
				if opening := way.scheme == "https"; opening && !strings.Contains(err.Error(), "no connection within 15s") {
					t.Errorf("%v; want the limit of opening a connection", err)
				}
			})
		})
	}
}
