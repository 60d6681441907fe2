package exchange_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// counted is a server that counts its connections.
func counted(t *testing.T, handler http.HandlerFunc) (url string, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, connections
}

// TestConnectionsAreUsedAgain: however a body was read, a complete one keeps its
// connection and a broken-off one does not.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	url, connections := counted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/error":
			w.Header().Set("X-Store-Id", "i")
			w.WriteHeader(http.StatusNotFound)
		case "/chunked":
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "b")
		case "/body":
			_, _ = w.Write(make([]byte, 100_000))
		}
	})
	client := newClient(t)
	use := func(path string, read func(io.Reader) (int64, error)) {
		t.Helper()
		answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: url + path, Reply: reply}, exchange.Request{})
		if path == "/error" {
			if driver.KindOf(err) != driver.KindUnavailable {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(answer.Body); err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	all := func(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
	exact := func(r io.Reader) (int64, error) { return io.CopyN(io.Discard, r, 100_000) }
	none := func(io.Reader) (int64, error) { return 0, nil }
	use("/empty", none)
	use("/error", nil)
	use("/chunked", all)
	use("/body", exact)
	use("/body", all)
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for five complete answers, want 1", n)
	}
	use("/body", none)
	use("/empty", none)
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections after an answer that was not read, want 2", n)
	}
}

// TestDeadConnectionIsReplaced: a store that closed a waiting connection costs
// neither a failure nor a retry, with and without a body.
func TestDeadConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
	}))
	t.Cleanup(server.Close)
	client := newClient(t)
	for i := range 10 {
		request := exchange.Request{}
		method := "GET"
		if i%2 == 1 {
			method, request = "PUT", exchange.Request{Body: strings.NewReader("body"), Size: 4}
		}
		answer, err := client.Do(t.Context(), driver.Exchange{Method: method, URL: server.URL, Reply: reply}, request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
}

func TestCancelledExchangeEndsAtOnce(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, handler := range map[string]http.HandlerFunc{
		"before the answer": func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release },
		"in its body": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			arrived <- struct{}{}
			<-release
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			t.Cleanup(server.CloseClientConnections)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			answer, err := newClient(t).Do(ctx, driver.Exchange{Method: "GET", URL: server.URL, Reply: reply}, exchange.Request{})
			if err == nil {
				_, err = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
			if err == nil {
				t.Error("a cancelled exchange succeeded")
			}
		})
	}
}

// TestShortAnswerIsNoSuccess: a body shorter than its Content-Length is an error.
func TestShortAnswerIsNoSuccess(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "short")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	answer, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "GET", URL: url, Reply: reply}, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if n, err := io.Copy(io.Discard, answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestHeadersThatWouldSplitTheRequestAreRefused(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
	for name, signed := range map[string]driver.Exchange{
		"value":    {URL: url, Header: []driver.Header{{Name: "X-A", Value: "a\r\nX-B: b"}}},
		"name":     {URL: url, Header: []driver.Header{{Name: "X-A: b\r\nX-C", Value: "c"}}},
		"path":     {URL: url + "/a b"},
		"no host":  {URL: "http:///a"},
		"relative": {URL: "/a"},
		"other":    {URL: "ftp://127.0.0.1/a"},
	} {
		signed.Method, signed.Reply = "GET", reply
		if _, err := newClient(t).Do(t.Context(), signed, exchange.Request{}); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

// TestTLS: certificates are checked against the given authority, and an
// http answer on a TLS port is told as such.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(transport driver.Transport) error {
		transport.Proxy = "none"
		client, err := exchange.NewClient(transport)
		if err != nil {
			return err
		}
		defer client.Close()
		answer, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: server.URL, Reply: reply}, exchange.Request{})
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
	if err := get(driver.Transport{CA: authority}); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	var unknown *tls.CertificateVerificationError
	if err := get(driver.Transport{}); !errors.As(err, &unknown) {
		t.Errorf("without its authority: %v", err)
	}
	if err := get(driver.Transport{CA: "missing.pem"}); err == nil || !strings.Contains(err.Error(), "option ca") {
		t.Errorf("missing authority: %v", err)
	}
}

// TestProxy: what a proxy is set for goes through it, bodies included, and
// everything else does not.
func TestProxy(t *testing.T) {
	t.Parallel()
	var proxied atomic.Int32
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		proxied.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"e"`)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})
	client, err := exchange.NewClient(driver.Transport{Proxy: proxy})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	signed := driver.Exchange{Method: "GET", URL: "http://store.invalid/a//b%2Fc?sig=1", Reply: reply}
	answer, err := client.Do(t.Context(), signed, exchange.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "GET http://store.invalid/a//b%2Fc?sig=1 " {
		t.Errorf("the proxy saw %q", text)
	}
	signed.Method = "PUT"
	if _, err := client.Do(t.Context(), signed, exchange.Request{Body: bytes.NewReader([]byte("body")), Size: 4}); err != nil {
		t.Fatal(err)
	}
	if proxied.Load() != 2 {
		t.Errorf("%d requests went through the proxy, want 2", proxied.Load())
	}
}
