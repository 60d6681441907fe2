//go:build unix

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socketDirPrefix begins the name of every private socket folder.
const socketDirPrefix = "dth-plugin-"

// youngDir is the age below which a folder may still be in the making: its maker
// creates the lock first and takes it then.
const youngDir = time.Minute

// maxSocketPath is the longest path that a unix socket can have on every
// supported system (104 bytes with the closing zero on macOS).
const maxSocketPath = 103

// maxSocketBase is the longest folder below which sockets fit: a private folder and a
// socket, each with up to ten digits of its own, come after it.
const maxSocketBase = maxSocketPath - len("/"+socketDirPrefix+"1234567890/plugin1234567890")

// defaultSocketDir is the system's folder for temporary files, where it is short enough.
func defaultSocketDir() string {
	if dir := os.TempDir(); len(dir) <= maxSocketBase {
		return dir
	}
	return "/tmp"
}

// socketDir is the private folder of one plugin process. Its lock lives as
// long as the host, however the host ends, so that folders of dead hosts
// can be told from those of live ones.
type socketDir struct {
	path string
	lock *os.File
}

// newSocketDir makes a private folder below base.
func newSocketDir(base string) (*socketDir, error) {
	if len(base) > maxSocketBase {
		return nil, fmt.Errorf("the path %s has %d bytes, and a plugin's socket does not fit below more than %d", base, len(base), maxSocketBase)
	}
	path, err := os.MkdirTemp(base, socketDirPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the plugin's socket: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, fmt.Errorf("lock the folder of the plugin's socket: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		_ = os.RemoveAll(path)
		return nil, fmt.Errorf("lock the folder of the plugin's socket: %w", err)
	}
	return &socketDir{path: path, lock: lock}, nil
}

// remove removes the folder with all that is in it.
func (d *socketDir) remove() {
	_ = os.RemoveAll(d.path)
	_ = d.lock.Close()
}

// sweepSockets removes the folders that dead hosts left below base. It never
// touches those of other users or of live hosts.
func sweepSockets(base string) {
	entries, err := filepath.Glob(filepath.Join(base, socketDirPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range entries {
		if abandoned(path) {
			_ = os.RemoveAll(path)
		}
	}
}

// abandoned says whether the folder is this user's and nobody holds its lock.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return false
	}
	if time.Since(info.ModTime()) < youngDir {
		return false
	}
	lock, err := os.Open(filepath.Join(path, "lock"))
	if err != nil {
		return true
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
