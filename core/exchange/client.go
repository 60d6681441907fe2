// Package exchange executes signed exchanges: it turns the data that a driver
// signed into one HTTP request and the answer back into data.
package exchange

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

// Client executes the exchanges of one store. It keeps connections open, follows
// no redirect, asks for no compression and never retries what has a body.
// It may be used by many goroutines at once.
type Client struct {
	sender *sender
	skew   atomic.Pointer[time.Duration] // store's clock minus ours, once observed
}

// NewClient returns a client that connects as the store's transport says.
func NewClient(transport driver.Transport) (*Client, error) {
	config, err := tlsConfig(transport)
	if err != nil {
		return nil, err
	}
	resolver, err := driver.ParseResolve(transport.Resolve)
	if err != nil {
		return nil, fmt.Errorf("option resolve: %w", err)
	}
	proxy, err := proxyFunc(transport.Proxy, resolver)
	if err != nil {
		return nil, err
	}
	return &Client{sender: newSender(newPool(config), resolver, proxy)}, nil
}

// Limit bounds what connections may take, instead of the defaults. It must be called
// before the first exchange.
func (c *Client) Limit(limits Limits) { c.sender.pool.limits = limits.orDefault() }

// Close closes idle connections.
func (c *Client) Close() { c.sender.pool.close() }

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
	// Hasher is what Body feeds while it is read, where it does: a trailer takes its checksum
	// from there instead of computing it a second time.
	Hasher *checksum.Hasher
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
	exact exactBody
}

// Do executes one exchange. The answer's status is one that the exchange
// accepts; everything else is a *driver.Error. After a request with a Body the
// answer's own body is read already, and when Do returns nobody reads the
// request's Body any more.
func (c *Client) Do(ctx context.Context, signed driver.Exchange, request Request) (*Answer, error) {
	m, err := newMessage(signed, request)
	if err != nil {
		return nil, err
	}
	response, err := c.sender.send(ctx, m, signed.Dial) //nolint:bodyclose // the answer's owner closes it
	if err != nil {
		return nil, networkError(ctx, signed.Method, m.host, err)
	}
	answer, err := read(m, signed.Reply, response)
	if err == nil || requestID(signed.Reply, response.Header) != "" { // any other may come from something on the way
		c.observeClock(response.Header)
	}
	if err != nil || request.Body != nil {
		discard(response.Body)
	}
	return answer, conceal(err, signed)
}

// newMessage adds to a signed exchange what the host may add.
func newMessage(signed driver.Exchange, request Request) (*message, error) {
	scheme, rest, ok := strings.Cut(signed.URL, "://")
	split := strings.IndexAny(rest+"/", "/?")
	if !ok || split == 0 || (scheme != "http" && scheme != "https") {
		return nil, &driver.Error{Op: signed.Method, Kind: driver.KindFatal, Message: "the plugin signed an exchange whose URL is not absolute"}
	}
	m := &message{method: signed.Method, scheme: scheme, host: rest[:split], uri: rest[split:], head: signed.Header}
	if !strings.HasPrefix(m.uri, "/") {
		m.uri = "/" + m.uri
	}
	m.head = m.head[:len(m.head):len(m.head)] // what is appended must not change the exchange
	if request.Length > 0 {
		last := request.Offset + request.Length - 1
		m.head = append(m.head, driver.Header{Name: "Range", Value: "bytes=" + strconv.FormatInt(request.Offset, 10) + "-" + strconv.FormatInt(last, 10)})
	}
	if request.IfMatch != "" {
		m.head = append(m.head, driver.Header{Name: "If-Match", Value: `"` + request.IfMatch + `"`})
	}
	m.identity = signed.Method == http.MethodGet && !names(signed.Header, "Accept-Encoding")
	for _, header := range m.head {
		if strings.ContainsAny(header.Name, " :\r\n") || strings.ContainsAny(header.Value, "\r\n") || header.Name == "" {
			return nil, &driver.Error{Op: signed.Method, Kind: driver.KindInvalidArgument, Message: fmt.Sprintf("the header %q cannot be sent", header.Name)}
		}
	}
	if strings.ContainsAny(m.uri, " \r\n") {
		return nil, &driver.Error{Op: signed.Method, Kind: driver.KindFatal, Message: "the plugin signed an exchange whose URL is not encoded"}
	}
	if request.Body == nil {
		return m, nil
	}
	return m, m.setBody(signed.Body, request)
}

// names says whether one of the headers has the name.
func names(headers []driver.Header, name string) bool {
	return slices.ContainsFunc(headers, func(header driver.Header) bool { return strings.EqualFold(header.Name, name) })
}

// longestSkew is how far a store's clock can be from ours, whatever its answers say: a
// wrong time zone is less, and a signature made years away helps no request.
const longestSkew = 24 * time.Hour

// observeClock remembers how far the store's clock is from ours. A Date has
// whole seconds, so its middle is the best guess, and what is within a second is
// no difference. That of an answer from a cache is when the cache asked.
func (c *Client) observeClock(header http.Header) {
	date := header.Get("Date")
	if date == "" || header.Get("Age") != "" {
		return
	}
	moment, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := time.Until(moment.Add(500 * time.Millisecond))
	if skew.Abs() > longestSkew {
		return
	}
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
	failure := &driver.Error{
		Op: method, Kind: driver.KindUnavailable, Err: err, Message: fmt.Sprintf("request to %s failed: %v", host, err),
	}
	if ctx.Err() != nil {
		failure.Message, failure.Err = fmt.Sprintf("request to %s was given up", host), ctx.Err()
	}
	return failure
}
