package exchange_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// serveRaw serves each connection by hand and returns the server's address. The
// connection is closed when serve returns.
func serveRaw(t *testing.T, serve func(conn net.Conn, reader *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return listener.Addr().String()
}

// says answers every request with the same bytes and closes the connection.
func says(t *testing.T, answer string) string {
	t.Helper()
	return serveRaw(t, func(conn net.Conn, reader *bufio.Reader) {
		if request, err := http.ReadRequest(reader); err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(conn, answer)
		}
	})
}

// routes returns a client that reaches the server itself, and one that reaches it as its
// proxy, each with the URL to use.
func routes(t *testing.T, server string) map[string]struct {
	client *exchange.Client
	url    string
} {
	t.Helper()
	proxied, err := exchange.NewClient(driver.Transport{Proxy: "http://" + server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxied.Close)
	return map[string]struct {
		client *exchange.Client
		url    string
	}{
		"direct":  {newClient(t), "http://" + server},
		"proxied": {proxied, "http://store.invalid"},
	}
}
