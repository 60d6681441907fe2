//go:build unix

package exchange

import (
	"net"
	"syscall"
)

// alive says whether an idle connection can be used: the other end has neither
// closed it nor sent anything that nobody asked for.
func alive(conn net.Conn) bool {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return false
	}
	usable := false
	err = raw.Control(func(fd uintptr) {
		var peeked [1]byte
		_, _, err := syscall.Recvfrom(int(fd), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		usable = err == syscall.EAGAIN
	})
	return err == nil && usable
}
