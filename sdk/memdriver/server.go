package memdriver

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says how a server behaves.
type Config struct {
	// Accounts that may use the server, by access key id.
	Accounts map[string]Account
	// Now is the server's clock; nil means time.Now.
	Now func() time.Time
	// ForceDownload puts a Content-Disposition of the server's own into every answer
	// to a GET, and the header that says so.
	ForceDownload bool
	// SilentListings do not tell which archived objects were restored.
	SilentListings bool
}

// Account is one set of credentials.
type Account struct {
	Secret  string
	Buckets []string // buckets it may use; nil for all
}

// Server is an object store in memory. All methods may be called by many
// goroutines at once.
type Server struct {
	accounts map[string]Account
	now      func() time.Time
	forced   bool // Config.ForceDownload
	silent   bool // Config.SilentListings
	http     *http.Server
	address  string
	socket   string
	serving  sync.WaitGroup

	mu       sync.Mutex // guards all that follows, and the contents of buckets
	buckets  map[string]*bucketData
	faults   []*activeFault
	counts   map[string]int
	requests int
	uploads  int
}

// NewServer starts a server on a free loopback port and on a unix socket in a
// private directory. The caller closes it.
func NewServer(config Config) (*Server, error) {
	s := &Server{
		accounts: config.Accounts,
		now:      config.Now,
		forced:   config.ForceDownload,
		silent:   config.SilentListings,
		buckets:  map[string]*bucketData{},
		counts:   map[string]int{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("memory store: listen on loopback: %w", err)
	}
	directory, err := os.MkdirTemp("", "mem-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("memory store: make a directory for its socket: %w", err), tcp.Close())
	}
	s.address = tcp.Addr().String()
	s.socket = filepath.Join(directory, s.address)
	unix, err := net.Listen("unix", s.socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("memory store: listen on %s: %w", s.socket, err), tcp.Close(), os.RemoveAll(directory))
	}
	s.http = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	for _, listener := range []net.Listener{tcp, unix} {
		s.serving.Go(func() { _ = s.http.Serve(listener) }) // always ends with http.ErrServerClosed
	}
	return s, nil
}

// Endpoint returns the value of the driver's option "endpoint" that reaches the
// server over TCP.
func (s *Server) Endpoint() string { return "http://" + s.address }

// SocketEndpoint returns the value of the driver's option "endpoint" that
// reaches the server over its unix socket.
func (s *Server) SocketEndpoint() string { return "unix://" + s.socket }

// Close ends all connections and forgets all data.
func (s *Server) Close() error {
	err := s.http.Close()
	s.serving.Wait()
	s.mu.Lock()
	clear(s.buckets) // whoever still holds a closed server holds no objects
	s.mu.Unlock()
	return errors.Join(err, os.RemoveAll(filepath.Dir(s.socket)))
}
