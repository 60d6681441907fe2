package exchange

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestBytesBehindAnAnswerAnswerNothing: what a store sends behind an answer is never taken
// for the answer to the next request, wherever it is held.
func TestBytesBehindAnAnswerAnswerNothing(t *testing.T) {
	t.Parallel()
	const forged = "HTTP/1.1 200 OK\r\nX-Id: i\r\nETag: forged\r\nContent-Length: 0\r\n\r\n"
	head := func(status string, length int) string {
		return fmt.Sprintf("HTTP/1.1 %s\r\nX-Id: i\r\nETag: e\r\nContent-Length: %d\r\n\r\n", status, length)
	}
	long := strings.Repeat("a", 40_000)
	const record = 16 << 10 // the largest of TLS, and the buffer of a connection
	whole := strings.Repeat("a", 3*record-len(head("200 OK", 10_000)))
	tests := map[string]struct {
		method, answer string
		accepted       bool
	}{
		"a body":           {"GET", head("200 OK", 5) + "hello" + forged, true},
		"a long body":      {"GET", head("200 OK", len(long)) + long + forged, true},
		"whole records":    {"GET", head("200 OK", len(whole)) + whole + forged, true}, // TLS holds the next one
		"no body":          {"GET", head("200 OK", 0) + forged, true},
		"chunks":           {"GET", "HTTP/1.1 200 OK\r\nX-Id: i\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + forged, true},
		"a body of a HEAD": {"HEAD", head("200 OK", len(forged)) + forged, true},
		"a body of a 304":  {"GET", head("304 Not Modified", len(forged)) + forged, false},
		"a body of a 204":  {"GET", "HTTP/1.1 204 No Content\r\nX-Id: i\r\n\r\n" + forged, false},
		"a refusal":        {"GET", head("503 Slow Down", 2) + "no" + forged, false},
		"an interim one":   {"GET", "HTTP/1.1 103 Early Hints\r\n\r\n" + head("200 OK", 0) + forged, true},
	}
	certificate, trusted := certified(t)
	for name, test := range tests {
		for on, way := range ways(certificate) {
			if name == "whole records" && way.scheme == "http" {
				continue // the system holds them, which alive sees
			}
			t.Run(name+", "+on, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					client := piped(t, way.transport, func(conn net.Conn) {
						conn = way.accept(&lumped{Conn: conn})
						reader := bufio.NewReader(conn)
						for {
							request, err := http.ReadRequest(reader)
							if err != nil {
								return
							}
							answer := test.answer
							if request.Method == http.MethodPut {
								_, _ = io.Copy(io.Discard, request.Body)
								answer = head("503 Slow Down", 0)
							}
							if _, err := io.WriteString(conn, answer); err != nil {
								return
							}
						}
					})
					client.sender.pool.tls.RootCAs = trusted
					url := way.scheme + "://example.com/"
					got, err := client.Do(t.Context(), driver.Exchange{Method: test.method, URL: url, Reply: pacedReply}, Request{})
					if (err == nil) != test.accepted {
						t.Fatal(err)
					}
					if err == nil {
						if _, err := io.Copy(io.Discard, got.Body); err != nil {
							t.Error(err)
						}
						_ = got.Body.Close()
					}
					got, err = client.Do(t.Context(), driver.Exchange{Method: "PUT", URL: url, Reply: pacedReply}, Request{Body: strings.NewReader("data"), Size: 4})
					if err == nil {
						t.Errorf("a refused PUT has the answer of ETag %q", got.ETag)
					}
				})
			})
		}
	}
}

// lumped sends what was written when something is to be read, all at once.
type lumped struct {
	net.Conn
	pending []byte
}

func (l *lumped) Write(b []byte) (int, error) {
	l.pending = append(l.pending, b...)
	return len(b), nil
}

func (l *lumped) Read(b []byte) (int, error) {
	if len(l.pending) > 0 {
		if _, err := l.Conn.Write(l.pending); err != nil {
			return 0, err
		}
		l.pending = nil
	}
	return l.Conn.Read(b)
}

// TestHeadsHaveALimit: a head without an end, and interim answers without one, end.
func TestHeadsHaveALimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ begin, again, want string }{
		"one header":      {"HTTP/1.1 200 OK\r\nX-A: ", "aaaaaaaaaaaaaaaa", "the head of the answer has more than 1048576 bytes"},
		"many headers":    {"HTTP/1.1 200 OK\r\n", "X-A: aaaaaaaaa\r\n", "the head of the answer has more than 1048576 bytes"},
		"interim answers": {"", "HTTP/1.1 100 Continue\r\n\r\n", "interim answers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := piped(t, direct, func(conn net.Conn) {
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
						return
					}
					_, err := io.WriteString(conn, test.begin)
					for err == nil {
						_, err = io.WriteString(conn, strings.Repeat(test.again, 1000))
					}
				})
				_, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: "http://store.invalid/", Reply: pacedReply}, Request{})
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("ended with %v, want %q", err, test.want)
				}
			})
		})
	}
}
