// Package exchange executes signed exchanges: it turns the data that a driver
// signed into one HTTP request and the answer back into data.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Client executes the exchanges of one store. It keeps connections open, follows
// no redirect, asks for no compression and never retries.
// It may be used by many goroutines at once.
type Client struct {
	base *http.Transport
	skew atomic.Pointer[time.Duration] // store's clock minus ours, once observed

	mu    sync.Mutex
	other map[driver.Dial]*http.Transport // for exchanges that say where to connect
}

// idleConnections is how many connections wait for the next object; more
// transfers than that at one time open connections anew.
const idleConnections = 512

// NewClient returns a client that connects as the store's transport says.
func NewClient(transport driver.Transport) (*Client, error) {
	tlsConfig, err := tlsConfig(transport)
	if err != nil {
		return nil, err
	}
	proxy, err := proxyFunc(transport.Proxy)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &Client{
		base: &http.Transport{
			Proxy:                 proxy,
			DialContext:           dialer.DialContext,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   15 * time.Second,
			ResponseHeaderTimeout: 2 * time.Minute,
			DisableCompression:    true,
			MaxIdleConns:          idleConnections,
			MaxIdleConnsPerHost:   idleConnections,
			IdleConnTimeout:       90 * time.Second,
			WriteBufferSize:       16 << 10,
			ReadBufferSize:        16 << 10,
			Protocols:             http1(),
		},
		other: map[driver.Dial]*http.Transport{},
	}, nil
}

// http1 keeps to HTTP/1.1: object stores gain nothing from multiplexing bodies
// over one connection.
func http1() *http.Protocols {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return protocols
}

// Close closes idle connections.
func (c *Client) Close() {
	c.base.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, transport := range c.other {
		transport.CloseIdleConnections()
	}
}

// Now returns the store's clock as observed in its answers, or the zero time
// before the first answer.
func (c *Client) Now() time.Time {
	skew := c.skew.Load()
	if skew == nil {
		return time.Time{}
	}
	return time.Now().Add(*skew)
}

// Request is what the host adds to a signed exchange.
type Request struct {
	Offset, Length int64     // Length > 0 asks for that range
	IfMatch        string    // ETag without quotes; empty to leave the header out
	Body           io.Reader // object bytes of a PUT; nil without a body
	Size           int64     // exact number of bytes in Body
}

// Answer is an accepted answer. The caller reads the body to its end or closes it.
type Answer struct {
	Status    int
	Header    http.Header
	Size      int64 // bytes in Body; -1 when the store did not say
	Body      io.ReadCloser
	ETag      string // without quotes
	Modified  time.Time
	VersionID string
	Checksums []driver.Checksum
	RequestID string

	reply *driver.Reply
}

// Do executes one exchange. The answer's status is one that the exchange
// accepts; everything else is a *driver.Error. After a request with a Body the
// answer's own body is read already, and when Do returns nobody reads the
// request's Body any more.
func (c *Client) Do(ctx context.Context, signed driver.Exchange, request Request) (*Answer, error) {
	httpRequest, err := newRequest(ctx, signed, request)
	if err != nil {
		return nil, err
	}
	var sent *sentBody
	if httpRequest.Body != nil && httpRequest.Body != http.NoBody {
		sent = &sentBody{Reader: httpRequest.Body, closed: make(chan struct{})}
		httpRequest.Body = sent
		defer sent.wait()
	}
	response, err := c.transport(signed.Dial).RoundTrip(httpRequest)
	if err != nil {
		return nil, networkError(ctx, signed.Method, httpRequest.URL.Host, err)
	}
	c.observeClock(response.Header.Get("Date"))
	answer, err := read(signed.Reply, response)
	if err != nil || request.Body != nil {
		discard(response.Body)
	}
	return answer, err
}

func newRequest(ctx context.Context, signed driver.Exchange, request Request) (*http.Request, error) {
	target, err := url.Parse(signed.URL)
	if err != nil {
		// The error of url.Parse repeats the URL, which carries a signature.
		return nil, &driver.Error{Op: signed.Method, Kind: driver.KindFatal, Message: "the plugin signed an exchange whose URL cannot be parsed"}
	}
	httpRequest := &http.Request{
		Method: signed.Method, URL: target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(signed.Header)+3),
	}
	for _, header := range signed.Header {
		if http.CanonicalHeaderKey(header.Name) == "Host" {
			httpRequest.Host = header.Value
			continue
		}
		httpRequest.Header[header.Name] = append(httpRequest.Header[header.Name], header.Value)
	}
	if _, named := httpRequest.Header["User-Agent"]; !named {
		httpRequest.Header["User-Agent"] = []string{""} // an empty value keeps net/http from adding its own
	}
	if request.Length > 0 {
		end := request.Offset + request.Length - 1
		httpRequest.Header["Range"] = []string{"bytes=" + strconv.FormatInt(request.Offset, 10) + "-" + strconv.FormatInt(end, 10)}
	}
	if request.IfMatch != "" {
		httpRequest.Header["If-Match"] = []string{`"` + request.IfMatch + `"`}
	}
	if request.Body != nil {
		if err := setBody(httpRequest, signed.Body, request); err != nil {
			return nil, err
		}
	}
	return httpRequest.WithContext(ctx), nil
}

func (c *Client) transport(dial driver.Dial) *http.Transport {
	if dial == (driver.Dial{}) {
		return c.base
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if transport, ok := c.other[dial]; ok {
		return transport
	}
	transport := c.base.Clone()
	transport.Proxy = nil
	var dialer net.Dialer
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, dial.Network, dial.Address)
	}
	c.other[dial] = transport
	return transport
}

// observeClock remembers how far the store's clock is from ours. A Date has
// whole seconds, so its middle is the best guess, and what is within a second is
// no difference.
func (c *Client) observeClock(date string) {
	moment, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := time.Until(moment.Add(500 * time.Millisecond))
	if skew.Abs() <= time.Second {
		skew = 0
	}
	if known := c.skew.Load(); known == nil || (skew-*known).Abs() > time.Second {
		c.skew.Store(&skew)
	}
}

// discardLimit is how much of an unwanted body is read to keep the connection.
const discardLimit = 64 << 10

// discard ends an unwanted body; a short one leaves the connection usable.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, discardLimit) // a failure only costs the connection
	_ = body.Close()
}

// networkError names what went wrong between us and the store, without the URL.
// Of a context that ended it keeps the plain error: its cause may be the failure
// of another exchange.
func networkError(ctx context.Context, method, host string, err error) error {
	failure := &driver.Error{Op: method, Kind: driver.KindUnavailable, Err: err}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		failure.Err = urlError.Err
	}
	failure.Message = fmt.Sprintf("request to %s failed: %v", host, failure.Err)
	if ctx.Err() != nil {
		failure.Message, failure.Err = fmt.Sprintf("request to %s was given up", host), ctx.Err()
	}
	return failure
}
