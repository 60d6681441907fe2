package exchange

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/proxy"
)

// proxyMemory is how long the choice of a proxy for a host is remembered.
const proxyMemory = time.Minute

// proxies remembers through which proxy hosts are reached, because reading the rules for
// each object would cost more than the request's head.
type proxies struct {
	choose func(*http.Request) (*url.URL, error) // nil for none

	mu    sync.Mutex
	known map[string]proxyChoice
}

type proxyChoice struct {
	proxy *url.URL
	err   error
	at    time.Time
}

// of returns the proxy through which a host is reached, nil for none.
func (p *proxies) of(scheme, host string) (*url.URL, error) {
	if p.choose == nil {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := scheme + "://" + host
	if choice, ok := p.known[key]; ok && time.Since(choice.at) < proxyMemory {
		return choice.proxy, choice.err
	}
	choice := proxyChoice{at: time.Now()}
	choice.proxy, choice.err = p.choose(&http.Request{URL: &url.URL{Scheme: scheme, Host: host}})
	p.known[key] = choice
	return choice.proxy, choice.err
}

// forwards says whether a proxy takes requests for plain http themselves, instead of a
// connection to where they go.
func forwards(proxy *url.URL) bool {
	return proxy != nil && (proxy.Scheme == "http" || proxy.Scheme == "https")
}

// proxyPorts are the ports of proxies that are given without one.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// dial connects to where the address says, or to its proxy.
func (p *pool) dial(ctx context.Context, to address) (net.Conn, error) {
	if to.proxy == nil {
		return p.connect(ctx, to.network, to.address)
	}
	port, known := proxyPorts[to.proxy.Scheme]
	if !known {
		return nil, proxyError(fmt.Errorf("%q is no kind of proxy: http, https, socks5 and socks5h are", to.proxy.Scheme))
	}
	if given := to.proxy.Port(); given != "" {
		port = given
	}
	at := net.JoinHostPort(to.proxy.Hostname(), port)
	if forwards(to.proxy) {
		raw, err := p.connect(ctx, "tcp", at)
		return raw, proxyError(err)
	}
	raw, err := p.dialSocks(ctx, at, to)
	return raw, proxyError(err)
}

// connector dials the proxy for the SOCKS client and keeps the connection: what that
// returns hides it.
type connector struct {
	pool *pool
	raw  net.Conn
}

func (c *connector) Dial(network, address string) (net.Conn, error) {
	return c.DialContext(context.Background(), network, address)
}

func (c *connector) DialContext(ctx context.Context, network, address string) (raw net.Conn, err error) {
	c.raw, err = c.pool.connect(ctx, network, address)
	return c.raw, err
}

func (p *pool) dialSocks(ctx context.Context, at string, to address) (net.Conn, error) {
	var auth *proxy.Auth
	if user := to.proxy.User; user != nil {
		password, _ := user.Password()
		auth = &proxy.Auth{User: user.Username(), Password: password}
	}
	through := &connector{pool: p}
	dialer, err := proxy.SOCKS5("tcp", at, auth, through)
	if err != nil {
		return nil, err
	}
	contextual, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, errors.New("the SOCKS client cannot be interrupted")
	}
	if _, err := contextual.DialContext(ctx, "tcp", to.address); err != nil {
		return nil, err
	}
	return through.raw, nil
}

// tunnel asks the proxy for a connection to the store, where TLS goes through it.
func (p *pool) tunnel(ctx context.Context, c *connection) error {
	if !forwards(c.to.proxy) {
		return nil
	}
	if c.to.proxy.Scheme == "https" {
		if err := p.secure(ctx, c, c.to.proxy.Hostname()); err != nil {
			return err
		}
	}
	if c.to.serverName == "" {
		return nil
	}
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	request := "CONNECT " + c.to.address + " HTTP/1.1\r\nHost: " + c.to.address + "\r\n"
	if authorization := proxyAuthorization(c.to.proxy); authorization != "" {
		request += "Proxy-Authorization: " + authorization + "\r\n"
	}
	if _, err := io.WriteString(c.Conn, request+"\r\n"); err != nil {
		return err
	}
	c.headRest = headLimit
	defer func() { c.headRest = -1 }()
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // what follows is the store
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy answered %d %s to CONNECT", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil
}

// proxyAuthorization returns what tells a proxy who asks, or "".
func proxyAuthorization(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

// proxyError says that the way to the proxy, or through it, failed.
func proxyError(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
}
