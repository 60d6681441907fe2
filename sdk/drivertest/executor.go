package drivertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

// Executor executes exchanges exactly as they are described, one body at a time
// in memory. It may be used by many goroutines at once.
type Executor struct {
	base *http.Transport

	mu      sync.Mutex
	clients map[driver.Dial]*http.Client
}

// NewExecutor returns an executor that connects as the session demands. The
// caller closes it.
func NewExecutor(transport driver.Transport) (*Executor, error) {
	resolver, err := driver.ParseResolve(transport.Resolve)
	if err != nil {
		return nil, fmt.Errorf("the session's resolve entries: %w", err)
	}
	base := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if resolved, ok := resolver.Address(address); ok {
				address = resolved
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		DisableCompression:  true, // bytes are compared as they are stored
		MaxIdleConnsPerHost: 32,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		Proxy:               http.ProxyFromEnvironment,
	}
	if transport.CA != "" {
		pem, err := os.ReadFile(transport.CA)
		if err != nil {
			return nil, fmt.Errorf("read the session's CA bundle: %w", err)
		}
		base.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !base.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the session's CA bundle %s holds no certificate", transport.CA)
		}
	}
	if transport.ClientCert != "" {
		certificate, err := tls.LoadX509KeyPair(transport.ClientCert, transport.ClientCert)
		if err != nil {
			return nil, fmt.Errorf("read the session's client certificate: %w", err)
		}
		base.TLSClientConfig.Certificates = []tls.Certificate{certificate}
	}
	if transport.Proxy == "none" {
		base.Proxy = nil
	} else if transport.Proxy != "" {
		proxy, err := url.Parse(transport.Proxy)
		if err != nil {
			return nil, fmt.Errorf("the session's proxy: %w", err)
		}
		base.Proxy = http.ProxyURL(proxy)
	}
	if choose := base.Proxy; choose != nil {
		base.Proxy = func(request *http.Request) (*url.URL, error) {
			if resolver.Covers(request.URL) {
				return nil, nil
			}
			return choose(request)
		}
	}
	return &Executor{base: base, clients: map[driver.Dial]*http.Client{}}, nil
}

// Close closes idle connections.
func (e *Executor) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, client := range e.clients {
		client.CloseIdleConnections()
	}
}

func (e *Executor) client(dial driver.Dial) *http.Client {
	e.mu.Lock()
	defer e.mu.Unlock()
	if client, exists := e.clients[dial]; exists {
		return client
	}
	transport := e.base.Clone()
	if dial.Network != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, dial.Network, dial.Address)
		}
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	e.clients[dial] = client
	return client
}

// Send is what the host adds to an exchange.
type Send struct {
	Body    []byte // object bytes, before framing
	Range   string // value of the Range header; empty for none
	IfMatch string // ETag for the If-Match header, without quotes; empty for none

	// corrupt replaces the checksum of a trailer, to see it refused.
	corrupt bool
}

// Do executes the exchange. An answer whose status is not accepted is returned
// together with a *driver.Error.
func (e *Executor) Do(ctx context.Context, exchange driver.Exchange, send Send) (Answer, error) {
	body, err := frame(exchange.Body, send)
	if err != nil {
		return Answer{}, err
	}
	request, err := newRequest(ctx, exchange, body)
	if err != nil {
		return Answer{}, err
	}
	if send.Range != "" {
		request.Header.Set("Range", send.Range)
	}
	if send.IfMatch != "" {
		request.Header.Set("If-Match", quoteETag(send.IfMatch))
	}
	response, err := e.client(exchange.Dial).Do(request)
	if err != nil {
		return Answer{}, noAnswer(exchange.Method, err)
	}
	defer func() { _ = response.Body.Close() }() // everything was read
	answer := Answer{Status: response.StatusCode, Header: response.Header}
	if answer.Body, err = io.ReadAll(response.Body); err != nil {
		return answer, noAnswer(exchange.Method, err)
	}
	return answer, read(&answer, exchange)
}

// newRequest builds the request with exactly the exchange's URL and headers.
func newRequest(ctx context.Context, exchange driver.Exchange, body []byte) (*http.Request, error) {
	var reader io.Reader = http.NoBody
	if len(body) > 0 {
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, exchange.Method, exchange.URL, reader)
	if err != nil {
		return nil, &driver.Error{Op: exchange.Method, Kind: driver.KindFatal, Message: "the exchange's URL cannot be parsed"}
	}
	if !strings.HasSuffix(exchange.URL, request.URL.Host+request.URL.RequestURI()) {
		return nil, &driver.Error{Op: exchange.Method, Kind: driver.KindFatal,
			Message: "the exchange's URL would not travel byte for byte: escape everything but unreserved characters"}
	}
	request.GetBody = nil // no silent second try
	request.Header = http.Header{"User-Agent": {""}}
	for _, header := range exchange.Header {
		switch strings.ToLower(header.Name) {
		case "host":
			request.Host = header.Value
		case "content-length":
			if header.Value != fmt.Sprint(len(body)) {
				return nil, &driver.Error{Op: exchange.Method, Kind: driver.KindInvalidArgument,
					Message: fmt.Sprintf("the body has %d bytes, the exchange was signed for %s", len(body), header.Value)}
			}
		default:
			request.Header[header.Name] = append(request.Header[header.Name], header.Value)
		}
	}
	return request, nil
}

// noAnswer hides the URL, which carries the signature.
func noAnswer(method string, err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	return &driver.Error{Op: method, Kind: driver.KindUnavailable, Message: "no whole answer: " + err.Error(), Err: err}
}

func quoteETag(etag string) string {
	if weak, found := strings.CutPrefix(etag, "W/"); found {
		return `W/"` + weak + `"`
	}
	return `"` + etag + `"`
}
