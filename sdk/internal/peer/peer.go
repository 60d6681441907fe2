// Package peer makes sure that the other end of a unix socket is the process
// that it should be, by the identity that the kernel vouches for. It stands in
// the place of TLS between a host and its plugins: no keys, no handshake, and
// another process of the same user is refused too.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// identity is what the kernel says about the other end.
type identity struct {
	uid int // -1 where the system does not tell
	pid int // 0 where the system does not tell
}

// Check refuses a connection whose other end is not process pid of this user.
// What the operating system does not tell is not checked; the socket's private
// folder protects it there.
func Check(conn net.Conn, pid int) error {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("peer: a %T is no unix socket", conn)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	var other identity
	var failed error
	if err := raw.Control(func(fd uintptr) { other, failed = identify(int(fd)) }); err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("peer: the system does not identify the other end: %w", failed)
	}
	if other.uid >= 0 && other.uid != os.Geteuid() {
		return fmt.Errorf("peer: the other end belongs to user %d, not to %d", other.uid, os.Geteuid())
	}
	if other.pid > 0 && other.pid != pid {
		return fmt.Errorf("peer: the other end is process %d, not %d", other.pid, pid)
	}
	return nil
}

// Server returns credentials of a gRPC server that only process pid of this
// user may talk to.
func Server(pid int) credentials.TransportCredentials { return server{pid: pid} }

type server struct{ pid int }

// ServerHandshake checks the connection and leaves it as it is.
func (s server) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if err := Check(conn, s.pid); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

// ClientHandshake is not for a server.
func (s server) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, syscall.ENOTSUP
}

// Info says that the connection is a local one.
func (s server) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peer"}
}

// Clone returns the same credentials: they hold no state.
func (s server) Clone() credentials.TransportCredentials { return s }

// OverrideServerName does nothing: a socket has no server name.
func (s server) OverrideServerName(string) error { return nil }

type authInfo struct{ credentials.CommonAuthInfo }

// AuthType names the credentials.
func (authInfo) AuthType() string { return "peer" }
