package peer

import "golang.org/x/sys/unix"

// identify asks for the identity that the kernel recorded when the socket was
// connected (unix(7), SO_PEERCRED).
func identify(fd int) (identity, error) {
	credentials, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return identity{}, err
	}
	return identity{uid: int(credentials.Uid), pid: int(credentials.Pid)}, nil
}
