package exchange

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// TestUnsentIsWhatTheOtherEndHasNotTaken asks the system.
func TestUnsentIsWhatTheOtherEndHasNotTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taken := int64(0)
	for err == nil { // until the system takes no more
		var n int
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		n, err = conn.Write(make([]byte, 64<<10))
		taken += int64(n)
	}
	if unsent(conn) == 0 {
		t.Error("all of a full buffer was sent")
	}
	if _, err := io.CopyN(io.Discard, other, taken); err != nil {
		t.Fatal(err)
	}
	for unsent(conn) > 0 { // the last acknowledgement may be on its way
		runtime.Gosched()
	}
	if n := unsent(&net.IPConn{}); n != 0 {
		t.Errorf("%d bytes wait in a connection that is none", n)
	}
}
