//go:build unix

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// How the names of private socket folders begin: while they are made, and once they
// are locked.
const (
	unlockedPrefix  = "dth-new-plugin-"
	socketDirPrefix = "dth-plugin-"
)

// makingTakes is how old a folder without a lock must be before its maker counts as dead.
const makingTakes = time.Minute

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
	made, err := os.MkdirTemp(base, unlockedPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the plugin's socket: %w", err)
	}
	path := filepath.Join(base, socketDirPrefix+strings.TrimPrefix(filepath.Base(made), unlockedPrefix))
	lock, err := lockDir(made)
	if err == nil {
		// Only now may another host's sweep see it.
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = lock.Close()
		_ = os.RemoveAll(made)
		return nil, fmt.Errorf("lock the folder of the plugin's socket: %w", err)
	}
	return &socketDir{path: path, lock: lock}, nil
}

// lockDir makes and takes the lock of a folder.
func lockDir(path string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return lock, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// remove removes the folder with all that is in it.
func (d *socketDir) remove() {
	_ = os.RemoveAll(d.path)
	_ = d.lock.Close()
}

// sweepSockets removes the folders that dead hosts left below base. It never
// touches those of other users or of live hosts.
func sweepSockets(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(base, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), socketDirPrefix) && own(path) && unlocked(path),
			strings.HasPrefix(entry.Name(), unlockedPrefix) && own(path) && old(path):
			_ = os.RemoveAll(path)
		}
	}
}

// own says whether the path is a folder of this user's.
func own(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}

// unlocked says whether no host holds the folder's lock.
func unlocked(path string) bool {
	lock, err := os.Open(filepath.Join(path, "lock"))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) // its host is removing it, or died while at it
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// old says whether the folder is older than making one takes.
func old(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) > makingTakes
}
