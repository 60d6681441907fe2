package drivertest

import (
	"net"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

// Harness says what to test and where. Requests other than Bucket may be nil:
// the cases that need them are then reported as not checked.
type Harness struct {
	// Driver under test: the driver itself, or a client of its plugin.
	Driver driver.Driver

	// Bucket opens a bucket that the suite may write to.
	Bucket driver.OpenRequest
	// Prefix begins every key that the suite writes, and nothing else in the
	// bucket does. Empty means that the whole bucket is the suite's and is
	// empty; only then can keys with a leading slash be tested.
	Prefix string

	// Absent opens a bucket that does not exist.
	Absent *driver.OpenRequest
	// Denied opens a bucket that exists, with credentials that may not use it.
	Denied *driver.OpenRequest
	// Silent opens a bucket at an endpoint that accepts connections and never
	// answers: see [Silence].
	Silent *driver.OpenRequest
	// Unreachable opens a bucket at an endpoint that refuses connections.
	Unreachable *driver.OpenRequest
}

// Silence listens on a loopback port, accepts connections and never answers. It
// returns its host:port and a function that ends it.
func Silence() (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var open []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
		}
	})
	return listener.Addr().String(), func() {
		_ = listener.Close()
		accepting.Wait()
		for _, conn := range open {
			_ = conn.Close()
		}
	}, nil
}
