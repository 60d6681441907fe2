package exchange

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// newProxied returns the transport for requests that go through a proxy:
// net/http knows all kinds of them.
func newProxied(config *tls.Config, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // object stores gain nothing from multiplexing bodies
	return &http.Transport{
		Proxy:                 proxy,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: stallTime,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       idleTime,
		Protocols:             protocols,
	}
}

// viaProxy sends a message through net/http. When it returns, nobody reads the
// message's body any more.
func viaProxy(ctx context.Context, transport *http.Transport, m *message, target *url.URL) (*http.Response, error) {
	request := &http.Request{
		Method: m.method, URL: target, Host: m.host, Header: make(http.Header, len(m.head)+1),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	for _, header := range m.head {
		if http.CanonicalHeaderKey(header.Name) == "Host" {
			request.Host = header.Value
			continue
		}
		request.Header[header.Name] = append(request.Header[header.Name], header.Value)
	}
	if _, named := request.Header["User-Agent"]; !named {
		request.Header["User-Agent"] = []string{""} // keeps net/http from adding its own
	}
	if m.body != nil {
		request.ContentLength = m.length
		request.Body = http.NoBody // Content-Length: 0 instead of a chunked body
		if m.length > 0 {
			sent := &sentBody{Reader: m.body, closed: make(chan struct{})}
			defer sent.wait()
			request.Body = sent
		}
	}
	return transport.RoundTrip(request.WithContext(ctx))
}

// sentBody tells when the transport is done with a body. net/http may go on
// reading it after the answer arrived, but always closes it at last.
type sentBody struct {
	io.Reader
	once   sync.Once
	closed chan struct{}
}

func (b *sentBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

func (b *sentBody) wait() { <-b.closed }

// proxyMemory is how long the choice of a proxy for a host is remembered.
const proxyMemory = time.Minute

// proxies remembers which hosts are reached through a proxy, because reading the
// rules for each object would cost more than the request's head.
type proxies struct {
	choose func(*http.Request) (*url.URL, error) // nil for none

	mu    sync.Mutex
	known map[string]proxyChoice
}

type proxyChoice struct {
	proxied bool
	at      time.Time
}

// reaches says whether a host is reached through a proxy. A proxy that cannot be
// read counts as one, so that its error is told.
func (p *proxies) reaches(scheme, host string) bool {
	if p.choose == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := scheme + "://" + host
	if choice, ok := p.known[key]; ok && time.Since(choice.at) < proxyMemory {
		return choice.proxied
	}
	proxy, err := p.choose(&http.Request{URL: &url.URL{Scheme: scheme, Host: host}})
	choice := proxyChoice{proxied: err != nil || proxy != nil, at: time.Now()}
	p.known[key] = choice
	return choice.proxied
}
