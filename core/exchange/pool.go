package exchange

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
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
	// stallTime is how long a connection may neither send nor receive a byte.
	stallTime = 2 * time.Minute
	dialTime  = 15 * time.Second
	// readAhead is the buffer for the head of an answer and small bodies.
	readAhead = 16 << 10
)

// address is where a connection leads.
type address struct {
	network, address string
	serverName       string // of the certificate; empty without TLS
}

// pool opens connections and keeps those that can be used again.
type pool struct {
	tls    *tls.Config
	dialer net.Dialer

	mu   sync.Mutex
	idle map[address][]*connection // the last one was used last
}

func newPool(config *tls.Config) *pool {
	config = config.Clone()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	return &pool{
		tls: config, idle: map[address][]*connection{},
		dialer: net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second},
	}
}

// connection is one connection that sends a request and reads its answer at a
// time. It ends by itself when nothing moves for stallTime.
type connection struct {
	net.Conn
	to       address
	reader   *bufio.Reader
	raw      net.Conn  // below TLS
	reused   bool      // carried an exchange before
	idleFrom time.Time // when it was put back
	deadline time.Time // when it stalls, as last told to the system
}

// get returns a connection that waits, or a new one.
func (p *pool) get(ctx context.Context, to address) (*connection, error) {
	for {
		c := p.take(to)
		if c == nil {
			return p.open(ctx, to)
		}
		if time.Since(c.idleFrom) < idleTime && alive(c.raw) {
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

// put keeps a connection whose answer was read to its end.
func (p *pool) put(c *connection) {
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
	raw, err := p.dialer.DialContext(ctx, to.network, to.address)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: raw, raw: raw, to: to}
	if to.serverName != "" {
		config := p.tls.Clone()
		config.ServerName = to.serverName
		secured := tls.Client(raw, config)
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		c.Conn = secured
	}
	c.reader = bufio.NewReaderSize(c, readAhead)
	return c, nil
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

func (c *connection) Read(b []byte) (int, error) {
	c.extend()
	return c.Conn.Read(b)
}

func (c *connection) Write(b []byte) (int, error) {
	c.extend()
	return c.Conn.Write(b)
}

// extend moves the deadline when a good part of it is used up; telling the
// system each time would cost more than it is worth.
func (c *connection) extend() {
	now := time.Now()
	if c.deadline.Sub(now) < stallTime/2 {
		c.deadline = now.Add(stallTime)
		_ = c.SetDeadline(c.deadline) // fails only on a closed connection, which tells itself
	}
}

// interrupt makes pending and later reads and writes fail.
func (c *connection) interrupt() { _ = c.Close() }
