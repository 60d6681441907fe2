package host

import (
	"net"
	"sync/atomic"
)

// Traffic counts the bytes that pass between the host and its plugins.
// It may be shared by many plugins and read at any time.
type Traffic struct {
	Sent     atomic.Int64 // to plugins
	Received atomic.Int64 // from plugins
}

// count returns conn with its bytes counted; conn itself when t is nil.
func (t *Traffic) count(conn net.Conn) net.Conn {
	if t == nil {
		return conn
	}
	return &countedConn{Conn: conn, traffic: t}
}

type countedConn struct {
	net.Conn
	traffic *Traffic
}

// Read counts what it read.
func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.traffic.Received.Add(int64(n))
	return n, err
}

// Write counts what it wrote.
func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.traffic.Sent.Add(int64(n))
	return n, err
}
