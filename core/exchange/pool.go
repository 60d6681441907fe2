package exchange

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// idleConnections is how many connections to one store wait for the next
	// object; more transfers than that at one time open connections anew.
	idleConnections = 512
	// idleTime is how long one waits. Stores close idle connections after a minute
	// or more.
	idleTime = 50 * time.Second
	// readAhead is the buffer for the head of an answer and small bodies.
	readAhead = 16 << 10
	// headLimit is how many bytes the head of an answer may have, interim ones included.
	headLimit = 1 << 20
	// interimLimit is how many interim answers (1xx) may come before the final one.
	interimLimit = 16
)

var errHeadTooLong = fmt.Errorf("the head of the answer has more than %d bytes", headLimit)

// address is where a connection leads.
type address struct {
	network, address string
	serverName       string   // of the certificate; empty without TLS
	proxy            *url.URL // on the way; nil for none
}

// pool opens connections and keeps those that can be used again.
type pool struct {
	tls    *tls.Config
	limits Limits
	dialer net.Dialer
	// What the system does: connect, and tell what of the bytes it took is still on its way.
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	unsent  func(net.Conn) int64

	mu   sync.Mutex
	idle map[address][]*connection // the last one was used last
}

func newPool(config *tls.Config) *pool {
	config = config.Clone()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	p := &pool{
		tls: config, limits: Limits{}.orDefault(), idle: map[address][]*connection{},
		dialer: net.Dialer{KeepAlive: 30 * time.Second},
	}
	p.connect, p.unsent = p.dialer.DialContext, unsent
	return p
}

// connection is one connection that sends a request and reads its answer at a
// time. It ends by itself when too little moves.
type connection struct {
	net.Conn
	to       address
	reader   *bufio.Reader
	line     *line         // below TLS
	reused   bool          // carried an exchange before
	idleFrom time.Time     // when it was put back
	request  *http.Request // is sent: its method alone
	close    func()        // makes pending and later reads and writes fail
	early    chan arrival  // set while the answer is read before the request was sent
	headRest int64         // bytes that the head of the answer may still have; negative beside it
}

// get returns a connection that waits, or a new one.
func (p *pool) get(ctx context.Context, to address) (*connection, error) {
	for {
		c := p.take(to)
		if c == nil {
			return p.open(ctx, to)
		}
		if time.Since(c.idleFrom) < idleTime && alive(c.line.Conn) {
			c.reused = true
			return c, nil
		}
		_ = c.Close()
	}
}

func (p *pool) take(to address) *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.idle[to]
	if len(waiting) == 0 {
		return nil
	}
	c := waiting[len(waiting)-1]
	p.idle[to] = waiting[:len(waiting)-1]
	return c
}

// put keeps a connection whose answer was read to its end. Bytes behind that belong to no
// answer: the next one would begin with them.
func (p *pool) put(c *connection) {
	if c.reader.Buffered() > 0 || c.line.pending(c.Conn) {
		_ = c.Close()
		return
	}
	c.idleFrom = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if waiting := p.idle[c.to]; len(waiting) < idleConnections {
		p.idle[c.to] = append(waiting, c)
		return
	}
	_ = c.Close()
}

func (p *pool) open(ctx context.Context, to address) (*connection, error) {
	limited, cancel := context.WithTimeout(ctx, p.limits.Dial)
	defer cancel()
	c, err := p.reach(limited, to)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("no connection within %v: %v", p.limits.Dial, err) //nolint:errorlint // its cause is a context of our own
	}
	return c, err
}

// reach opens a connection to where exchanges can be sent: through the proxy, and secured.
func (p *pool) reach(ctx context.Context, to address) (*connection, error) {
	raw, err := p.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	c := &connection{to: to, line: newLine(raw, p.limits, p.unsent), headRest: -1}
	c.close = func() { _ = c.Close() }
	c.line.blocked = c.watch
	c.Conn = c.line
	if err := p.tunnel(ctx, c); err != nil {
		_ = raw.Close()
		return nil, proxyError(err)
	}
	if err := p.secure(ctx, c, to.serverName); err != nil {
		_ = raw.Close()
		return nil, err
	}
	c.reader = bufio.NewReaderSize(c, readAhead)
	return c, nil
}

// secure begins TLS with the named server, or does nothing without a name.
func (p *pool) secure(ctx context.Context, c *connection, serverName string) error {
	if serverName == "" {
		return nil
	}
	config := p.tls.Clone()
	config.ServerName = serverName
	secured := tls.Client(c.Conn, config)
	c.Conn = secured
	return secured.HandshakeContext(ctx)
}

// close closes the connections that wait.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for to, waiting := range p.idle {
		for _, c := range waiting {
			_ = c.Close()
		}
		delete(p.idle, to)
	}
}

// Read reads as much as the head of an answer may have, and beside it what comes.
func (c *connection) Read(b []byte) (int, error) {
	if c.headRest < 0 {
		return c.Conn.Read(b)
	}
	if c.headRest == 0 {
		return 0, errHeadTooLong
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), c.headRest)])
	c.headRest -= int64(n)
	return n, err
}
