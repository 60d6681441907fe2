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
	"strings"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

// message is one request as it goes on the wire.
type message struct {
	method string
	scheme string
	host   string // of the URL, with port where it has one
	uri    string // path and query, byte for byte
	head   []driver.Header
	body   io.Reader // nil without one
	length int64
	proxy  *url.URL // that forwards it; nil where it goes to the store
	// identity asks for the bytes as they are stored.
	identity bool
	cut      bool // the answer came although not all was sent
}

// sendSize is the buffer through which requests are sent: a small body goes out
// with its head in one write.
const sendSize = 128 << 10

// sender sends messages over connections of its own. One goroutine sends the
// request and reads the answer, with no hand-over to others, which costs
// less than half of what net/http's transport does for a small object.
type sender struct {
	pool     *pool
	resolver driver.Resolver
	proxies  proxies
	buffers  sync.Pool // of *[]byte, sendSize long
}

func newSender(pool *pool, resolver driver.Resolver, choose func(*http.Request) (*url.URL, error)) *sender {
	return &sender{
		pool: pool, resolver: resolver, proxies: proxies{choose: choose, known: map[string]proxyChoice{}},
		buffers: sync.Pool{New: func() any {
			buffer := make([]byte, sendSize)
			return &buffer
		}},
	}
}

// send sends one message and reads the head of the answer. When it returns,
// nobody reads the message's body any more.
func (s *sender) send(ctx context.Context, m *message, dial driver.Dial) (*http.Response, error) {
	to, err := s.address(m, dial)
	if err != nil {
		return nil, err
	}
	for {
		c, err := s.pool.get(ctx, to)
		if err != nil {
			return nil, err
		}
		response, err := s.exchange(ctx, c, m)
		if err == nil {
			return response, nil
		}
		// A waiting connection may have died unseen. What has no body can be sent
		// again over another one; for what has, the retry policy decides.
		if !c.reused || m.body != nil || ctx.Err() != nil || errors.As(err, new(*PaceError)) {
			return nil, err
		}
	}
}

// address returns where to connect, and tells the message how it goes from there.
func (s *sender) address(m *message, dial driver.Dial) (address, error) {
	to := m.address(dial)
	if dial != (driver.Dial{}) {
		return to, nil
	}
	if resolved, ok := s.resolver.Address(to.address); ok {
		to.address = resolved
	}
	var err error
	if to.proxy, err = s.proxies.of(m.scheme, m.host); err != nil {
		return to, proxyError(err)
	}
	if to.serverName == "" && forwards(to.proxy) {
		m.proxy = to.proxy
	}
	return to, nil
}

// exchange uses one connection, which the answer's body gives back. A connection that
// fails is closed.
func (s *sender) exchange(ctx context.Context, c *connection, m *message) (*http.Response, error) {
	stop := context.AfterFunc(ctx, c.close)
	if c.request == nil || c.request.Method != m.method {
		c.request = &http.Request{Method: m.method}
	}
	c.line.begin()
	sent := s.write(c, m)
	c.line.sent()
	response, err := c.answer(sent)
	if err != nil {
		stop()
		c.close()
		return nil, err
	}
	m.cut = sent != nil
	response.Body = &answerBody{
		body: response.Body, pool: s.pool, connection: c, stop: stop,
		last: sent != nil || response.Close,
	}
	return response, nil //nolint:nilerr // the store's answer says more than the broken write
}

// arrival is the answer to a request that is still sent.
type arrival struct {
	response *http.Response
	err      error
}

// watch reads the answer while the request is sent, from the first time that sending
// takes long: a store that refuses a body may not read on.
func (c *connection) watch() {
	if c.request == nil || c.early != nil {
		return
	}
	early := make(chan arrival, 1)
	c.early = early
	go func() {
		response, err := c.readResponse() //nolint:bodyclose // the answer's owner closes it
		c.line.endWrite()
		early <- arrival{response, err}
	}()
}

// answer returns the head of the final answer. sent is what sending failed with: the store
// may have said why before it stopped reading.
func (c *connection) answer(sent error) (*http.Response, error) {
	unread := asBodyError(sent)
	switch {
	case sent == nil:
	case unread != nil:
		c.close() // what it says to a part of a request is of no use
	default:
		c.line.hurry()
	}
	var arrived arrival
	if c.early != nil {
		arrived = <-c.early
		c.early = nil
	} else if unread == nil {
		arrived.response, arrived.err = c.readResponse()
	}
	switch {
	case unread != nil:
		return nil, unread.error
	case arrived.err != nil && sent != nil && !errors.Is(sent, errAnswered):
		return nil, sent
	}
	return arrived.response, arrived.err
}

func (c *connection) readResponse() (*http.Response, error) {
	c.headRest = headLimit
	defer func() { c.headRest = -1 }()
	for range interimLimit {
		response, err := http.ReadResponse(c.reader, c.request)
		if err != nil && c.headRest == 0 {
			err = errHeadTooLong
		}
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= 200 {
			return response, nil
		}
	}
	return nil, fmt.Errorf("more than %d interim answers came", interimLimit)
}

// bodyError is the failure of the body that is sent, not of the connection.
type bodyError struct{ error }

func asBodyError(err error) *bodyError {
	if err == nil {
		return nil
	}
	var failure *bodyError
	errors.As(err, &failure)
	return failure
}

// write sends head and body.
func (s *sender) write(c *connection, m *message) error {
	pooled := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(pooled)
	pending := m.appendHead((*pooled)[:0])
	if m.body == nil {
		_, err := c.Write(pending)
		return err
	}
	if len(pending) > sendSize/2 { // an absurd head; keep room for the body
		if _, err := c.Write(pending); err != nil {
			return err
		}
		pending = (*pooled)[:0]
	}
	buffer := *pooled
	for rest := m.length; ; {
		used := len(pending)
		want := min(rest, int64(len(buffer)-used))
		n, err := io.ReadFull(m.body, buffer[used:used+int(want)])
		if err != nil {
			return &bodyError{err} // a body that ends early must not look complete
		}
		if _, err := c.Write(buffer[:used+n]); err != nil {
			return err
		}
		pending = buffer[:0]
		if rest -= want; rest == 0 {
			return nil
		}
	}
}

// appendHead appends the request line and the headers.
func (m *message) appendHead(b []byte) []byte {
	b = append(b, m.method...)
	b = append(b, ' ')
	if m.proxy != nil {
		b = append(append(append(b, m.scheme...), "://"...), m.host...)
	}
	b = append(b, m.uri...)
	b = append(b, " HTTP/1.1\r\n"...)
	host := m.host
	for _, header := range m.head {
		if strings.EqualFold(header.Name, "Host") {
			host = header.Value
		}
	}
	b = appendField(b, "Host", host)
	for _, header := range m.head {
		if !strings.EqualFold(header.Name, "Host") {
			b = appendField(b, header.Name, header.Value)
		}
	}
	if m.proxy != nil && m.proxy.User != nil {
		b = appendField(b, "Proxy-Authorization", proxyAuthorization(m.proxy))
	}
	if m.identity {
		b = appendField(b, "Accept-Encoding", "identity")
	}
	if m.body != nil {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, m.length, 10)
		b = append(b, '\r', '\n')
	}
	return append(b, '\r', '\n')
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ':', ' ')
	b = append(b, value...)
	return append(b, '\r', '\n')
}

// address returns where to connect.
func (m *message) address(dial driver.Dial) address {
	if dial != (driver.Dial{}) {
		return address{network: dial.Network, address: dial.Address}
	}
	to := address{network: "tcp", address: m.host}
	name, _, err := net.SplitHostPort(m.host)
	if err != nil {
		name = strings.Trim(m.host, "[]")
		to.address = net.JoinHostPort(name, map[string]string{"https": "443"}[m.scheme])
		if m.scheme == "http" {
			to.address = net.JoinHostPort(name, "80")
		}
	}
	if m.scheme == "https" {
		to.serverName = name
	}
	return to
}

// answerBody gives its connection back when it was read to the end.
type answerBody struct {
	body       io.ReadCloser
	pool       *pool
	connection *connection
	stop       func() bool
	last       bool // the connection cannot be used again
	done       bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	n, err := b.body.Read(p)
	if err != nil {
		b.end(err == io.EOF)
	}
	return n, err
}

// Close ends an answer. One whose body was not read to the end costs the connection.
func (b *answerBody) Close() error {
	if !b.done {
		var one [1]byte
		n, err := b.body.Read(one[:]) // an empty or read body tells its end here
		b.end(n == 0 && err == io.EOF)
	}
	return nil
}

func (b *answerBody) end(complete bool) {
	if b.done {
		return
	}
	b.done = true
	if interrupted := !b.stop(); complete && !b.last && !interrupted {
		b.pool.put(b.connection)
		return
	}
	_ = b.connection.Close()
}
