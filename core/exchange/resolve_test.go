package exchange_test

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// portOf returns the port of a server's URL.
func portOf(t *testing.T, server *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestResolve: a connection goes to the given address and nowhere else, while Host
// and the name in the certificate stay. The proxy refuses connections, so any use of
// it fails.
func TestResolve(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
	plain := httptest.NewServer(answer)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(answer)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS() // its certificate is for example.com
	t.Cleanup(secure.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	plainPort, securePort := portOf(t, plain), portOf(t, secure)
	cases := map[string]struct{ resolve, scheme, host, want string }{
		"host":              {"store.invalid:" + plainPort + ":127.0.0.1", "http", "store.invalid:" + plainPort, ""},
		"every host":        {"*:" + plainPort + ":127.0.0.1", "http", "bucket.store.invalid:" + plainPort, ""},
		"TLS":               {"example.com:" + securePort + ":127.0.0.1", "https", "example.com:" + securePort, ""},
		"TLS, another name": {"*:" + securePort + ":127.0.0.1", "https", "store.invalid:" + securePort, "certificate"},
		"another host":      {"other.invalid:" + plainPort + ":127.0.0.1", "http", "store.invalid:" + plainPort, "proxyconnect"},
		"another port":      {"store.invalid:1:127.0.0.1", "http", "store.invalid:" + plainPort, "proxyconnect"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := exchange.NewClient(driver.Transport{CA: ca, Proxy: "http://127.0.0.1:1", Resolve: []string{test.resolve}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			got, err := client.Do(t.Context(), driver.Exchange{Method: "GET", URL: test.scheme + "://" + test.host + "/k", Reply: reply}, exchange.Request{})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Do = %v, want a failure with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = got.Body.Close() }()
			if host, err := io.ReadAll(got.Body); err != nil || string(host) != test.host {
				t.Errorf("the server saw the host %q (%v), want %q", host, err, test.host)
			}
		})
	}
}

// TestResolveLeavesDialAlone: an address that the plugin gives for one exchange goes
// before the location's.
func TestResolveLeavesDialAlone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	client, err := exchange.NewClient(driver.Transport{Proxy: "none", Resolve: []string{"*:" + portOf(t, server) + ":127.0.0.2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	signed := driver.Exchange{Method: "GET", URL: "http://store.invalid/k", Dial: driver.Dial{Network: "tcp", Address: address}, Reply: reply}
	got, err := client.Do(t.Context(), signed, exchange.Request{})
	if err != nil {
		t.Fatalf("Do = %v, want the answer of %s", err, address)
	}
	_ = got.Body.Close()
}

func TestNewClientRefusesResolve(t *testing.T) {
	t.Parallel()
	_, err := exchange.NewClient(driver.Transport{Resolve: []string{"store.invalid:80"}})
	if err == nil || !strings.Contains(err.Error(), "option resolve") {
		t.Errorf("NewClient = %v, want an error about the option", err)
	}
}
