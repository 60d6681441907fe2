package peer_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/internal/peer"
)

// pair returns both ends of a unix socket.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dth") // a test's own folder may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("unix", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

func TestCheck(t *testing.T) {
	t.Parallel()
	client, server := pair(t)
	for name, conn := range map[string]net.Conn{"client": client, "server": server} {
		if err := peer.Check(conn, os.Getpid()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
			continue // the system does not tell
		}
		if err := peer.Check(conn, 1); err == nil || !strings.Contains(err.Error(), "not 1") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	one, other := net.Pipe()
	defer one.Close()
	defer other.Close()
	if err := peer.Check(one, os.Getpid()); err == nil {
		t.Error("a pipe was taken for a socket")
	}
}

// A stranger's connection is closed.
func TestServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return
	}
	client, server := pair(t)
	if _, _, err := peer.Server(1).ServerHandshake(server); err == nil {
		t.Fatal("a stranger was let in")
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the stranger's connection is still open")
	}
	_, server = pair(t)
	if _, _, err := peer.Server(os.Getpid()).ServerHandshake(server); err != nil {
		t.Errorf("the host was refused: %v", err)
	}
}
