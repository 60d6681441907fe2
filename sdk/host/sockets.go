//go:build unix

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Every user has one folder for sockets below that of temporary files. It holds a folder
// for each plugin process, and beside it a lock that lasts as long as the host, however
// the host ends:
//
//	dth-1000/
//		3f0c91aa/plugin123456
//		3f0c91aa.lock
//
// Things are removed by these names alone, and none with what it holds: only sockets,
// empty folders and empty locks. So nothing that a user put there can be lost.
const lockSuffix = ".lock"

// lockName matches the locks of sockets' folders.
var lockName = regexp.MustCompile(`^[0-9a-f]{8}\.lock$`)

// pluginsFolder matches the folder that go-plugin makes and that is not used, which a
// host leaves that is killed at that moment.
var pluginsFolder = regexp.MustCompile(`^plugin-dir[0-9]+$`)

// maxSocketPath is the longest path that a unix socket can have on every
// supported system (104 bytes with the closing zero on macOS).
const maxSocketPath = 103

// socketBelow is as long as the longest path of a socket below the user's folder: go-plugin
// adds up to ten digits.
const socketBelow = "/3f0c91aa/plugin4294967295"

// foldersTried is how many names the user's folder may have: others may have taken some.
const foldersTried = 10

// makesTried is how often a folder is made anew that another host's sweep was faster than.
const makesTried = 100

// defaultSocketDir is the system's folder for temporary files, where it is short enough.
func defaultSocketDir() string {
	if dir := os.TempDir(); tooLong(dir, folderName(0)) == nil {
		return dir
	}
	return "/tmp"
}

// tooLong returns an error where sockets do not fit below a folder's folder of that name.
func tooLong(base, name string) error {
	if most := maxSocketPath - len("/"+name+socketBelow); len(base) > most {
		return fmt.Errorf("the path %s has %d bytes, and a plugin's socket does not fit below more than %d", base, len(base), most)
	}
	return nil
}

// folderName returns the n-th name of the user's folder.
func folderName(n int) string {
	name := "dth-" + strconv.Itoa(os.Geteuid())
	if n > 0 {
		name += "-" + strconv.Itoa(n)
	}
	return name
}

// socketDir is the private folder of one plugin process.
type socketDir struct {
	path   string
	name   string   // within the user's folder
	folder *os.Root // the user's
	lock   *os.File // held from here
}

// newSocketDir makes a private folder below base, and removes those that dead hosts left.
func newSocketDir(base string) (*socketDir, error) {
	var err error
	for range makesTried {
		var dir *socketDir
		if dir, err = tryMake(base); err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.EWOULDBLOCK) {
			break // and not because another host was faster
		}
	}
	return nil, fmt.Errorf("make a folder for the plugin's socket: %w", err)
}

func tryMake(base string) (*socketDir, error) {
	folder, err := userFolder(base)
	if err != nil {
		return nil, err
	}
	sweepSockets(folder)
	dir, err := makeSocketDir(folder)
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return dir, nil
}

// userFolder opens the user's folder below base, and makes it where it is missing. One
// that is another's, that others may look into, or that a symbolic link leads to is not
// used: another name is.
func userFolder(base string) (*os.Root, error) {
	var refused error
	for n := range foldersTried {
		if err := tooLong(base, folderName(n)); err != nil {
			return nil, errors.Join(refused, err)
		}
		path := filepath.Join(base, folderName(n))
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		folder, err := openPrivate(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) { // the host that it was the last folder of has just removed it
			return folder, err
		}
		if refused == nil {
			refused = err
		}
	}
	return nil, fmt.Errorf("%w, and the next %d names are taken, too", refused, foldersTried-1)
}

// openPrivate opens a folder that is this user's alone.
func openPrivate(path string) (*os.Root, error) {
	seen, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	owner, ok := seen.Sys().(*syscall.Stat_t)
	switch {
	case seen.Mode().Type() == fs.ModeSymlink:
		return nil, fmt.Errorf("%s is a symbolic link", path)
	case !seen.IsDir():
		return nil, fmt.Errorf("%s is not a folder", path)
	case !ok || int(owner.Uid) != os.Geteuid():
		return nil, fmt.Errorf("%s belongs to another user", path)
	case seen.Mode().Perm() != 0o700:
		return nil, fmt.Errorf("%s has the mode %04o and not 0700", path, seen.Mode().Perm())
	}
	folder, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	if opened, err := folder.Stat("."); err != nil || !os.SameFile(seen, opened) {
		return nil, errors.Join(fmt.Errorf("%s is another folder by now", path), err, folder.Close())
	}
	return folder, nil
}

// makeSocketDir makes and locks a folder for one process in the user's folder. It fails
// with a reason to try again where another host's sweep took the lock first.
func makeSocketDir(folder *os.Root) (*socketDir, error) {
	name := fmt.Sprintf("%08x", rand.Uint32())
	lock, err := folder.OpenFile(name+lockSuffix, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = takeLock(folder, lock, name); err == nil {
		err = folder.Mkdir(name, 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close()) // the next sweep removes a lock that no process holds
	}
	return &socketDir{path: filepath.Join(folder.Name(), name), name: name, folder: folder, lock: lock}, nil
}

// takeLock locks an open lock, unless another process holds it or has removed it.
func takeLock(folder *os.Root, lock *os.File, name string) error {
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	opened, err := lock.Stat()
	if err != nil {
		return err
	}
	there, err := folder.Lstat(name + lockSuffix)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, there) || there.Size() > 0 {
		return fs.ErrExist
	}
	return nil
}

// remove removes the folder with its socket, and the user's folder after its last one.
func (d *socketDir) remove() {
	removeSocketDir(d.folder, d.name)
	_ = d.lock.Close()
	_ = d.folder.Close()
	_ = syscall.Rmdir(d.folder.Name()) // only where it is empty
}

// sweepSockets removes from the user's folder what dead hosts left.
func sweepSockets(folder *os.Root) {
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !lockName.MatchString(entry.Name()) {
			continue
		}
		lock, err := folder.OpenFile(entry.Name(), os.O_RDWR, 0)
		if err != nil {
			continue // its host or another sweep has just removed it
		}
		name := strings.TrimSuffix(entry.Name(), lockSuffix)
		if takeLock(folder, lock, name) == nil {
			removeSocketDir(folder, name)
		}
		_ = lock.Close()
	}
}

// removeSocketDir removes what dth makes for a process, whose lock is held. A folder with
// anything else in it stays, and so does its lock.
func removeSocketDir(folder *os.Root, name string) {
	if info, err := folder.Lstat(name); err == nil && info.IsDir() {
		entries, _ := fs.ReadDir(folder.FS(), name)
		for _, entry := range entries {
			if entry.Type() == fs.ModeSocket || entry.IsDir() && pluginsFolder.MatchString(entry.Name()) {
				_ = folder.Remove(filepath.Join(name, entry.Name())) // a folder only where it is empty
			}
		}
		_ = folder.Remove(name) // only where it is empty
	}
	if _, err := folder.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		_ = folder.Remove(name + lockSuffix)
	}
}
