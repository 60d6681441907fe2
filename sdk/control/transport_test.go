package control

import (
	"crypto/tls"
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

	"github.com/dth-dev/dth/sdk/driver"
)

// TestResolve proves that connections go to the address, that the host's name stays in
// Host and TLS, and that the proxy, which is no such thing, is left out.
func TestResolve(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS() // its certificate is for example.com
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ resolve, host, want string }{
		"host":         {"Example.com:" + port + ":127.0.0.1", "example.com:" + port, ""},
		"every host":   {"*:" + port + ":127.0.0.1", "example.com:" + port, ""},
		"another name": {"*:" + port + ":127.0.0.1", "store.invalid:" + port, "not good for it"},
		"another port": {"example.com:1:127.0.0.1", "example.com:" + port, "the proxy refused"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport, err := NewTransport(driver.Transport{CA: ca, Proxy: "http://127.0.0.1:1", Resolve: []string{test.resolve}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(transport.CloseIdleConnections)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+test.host, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := Send(NewClient(transport, &Clock{}), request)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Send = %v, want %q", err, test.want)
				}
				return
			}
			if err != nil || string(answer.Body) != test.host {
				t.Errorf("the server saw the host %q (%v), want %q", answer.Body, err, test.host)
			}
		})
	}
}

func TestNewTransportNamesTheOption(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(page, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		transport driver.Transport
		want      string
	}{
		"absent ca":          {driver.Transport{CA: page + "-none"}, "option ca"},
		"ca that is none":    {driver.Transport{CA: page}, "option ca: " + page + " holds no PEM"},
		"client certificate": {driver.Transport{ClientCert: page}, "option client-cert"},
		"proxy":              {driver.Transport{Proxy: "canary"}, "option proxy"},
		"resolve":            {driver.Transport{Resolve: []string{"h:80"}}, "option resolve"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewTransport(test.transport)
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("NewTransport = %v (%v), want invalid argument and %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

// TestTransportSpeaksTLS12 keeps old TLS out.
func TestTransportSpeaksTLS12(t *testing.T) {
	t.Parallel()
	transport, err := NewTransport(driver.Transport{})
	if err != nil {
		t.Fatal(err)
	}
	if least := transport.TLSClientConfig.MinVersion; least != tls.VersionTLS12 {
		t.Errorf("the least version is %x, want TLS 1.2", least)
	}
}
