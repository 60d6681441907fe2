package exchange

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent returns how many bytes that the system took the other end has not yet.
// Source: tcp(7), SIOCOUTQ.
func unsent(conn net.Conn) int64 {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return 0
	}
	count := 0
	err = raw.Control(func(fd uintptr) { count, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) }) // 0 where it is not known
	if err != nil {
		return 0
	}
	return int64(count)
}
