package peer

import "golang.org/x/sys/unix"

// identify asks for the peer's user and process (macOS unix(4), LOCAL_PEERCRED
// and LOCAL_PEERPID).
func identify(fd int) (identity, error) {
	credentials, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return identity{}, err
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return identity{}, err
	}
	return identity{uid: int(credentials.Uid), pid: pid}, nil
}
