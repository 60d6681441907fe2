package host

import (
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// socketBase returns a folder below which a socket's path is not too long.
func socketBase(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "dth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	return base
}

// lay makes what paths below base name: a folder where the path ends in "/", a socket where
// it ends in "=", a symbolic link to an empty folder where it ends in "@", and else a file
// with that content.
func lay(t *testing.T, base string, paths map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		path := filepath.Join(base, strings.TrimRight(name, "=@"))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		switch name[len(name)-1] {
		case '/':
			err = os.MkdirAll(path, 0o700)
		case '=':
			var socket *net.UnixListener
			if socket, err = net.ListenUnix("unix", &net.UnixAddr{Name: path}); err == nil {
				socket.SetUnlinkOnClose(false) // as one that was killed leaves it
				err = socket.Close()
			}
		case '@':
			err = os.Symlink(t.TempDir(), path)
		default:
			err = os.WriteFile(path, []byte(paths[name]), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// laid returns what is below base, in the way of lay.
func laid(t *testing.T, base string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(base, path)
		if err != nil || relErr != nil || name == "." {
			return err
		}
		switch entry.Type() {
		case fs.ModeDir:
			found[name+"/"] = ""
		case fs.ModeSocket:
			found[name+"="] = ""
		case fs.ModeSymlink:
			found[name+"@"] = ""
		default:
			content, err := os.ReadFile(path)
			found[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What a user has in the folder of temporary files stays, whatever it is called, also
// beside and inside what dead hosts left; what dth made goes.
func TestPluginRemovesWhatDthMade(t *testing.T) {
	t.Parallel()
	own := folderName(0) + "/"
	for name, c := range map[string]struct{ there, stays map[string]string }{
		"checkouts of plugins": {there: map[string]string{
			"dth-plugin-tiny/main.go": "package main", "dth-plugin-tiny/lock": "", "dth-plugin-1234567890/.git/config": "x", "dth-new-plugin-1/a": "a",
			"dth-plugin-empty/": "", "dth-plugin-x": "a program", "plugin-dir1/": "", "0000aaaa/": "", "0000aaaa.lock": "",
		}},
		"a dead host's": {
			there: map[string]string{own + "0000aaaa/plugin1=": "", own + "0000aaaa/plugin-dir12/": "", own + "0000aaaa.lock": "", own + "1111bbbb.lock": ""},
			stays: map[string]string{},
		},
		"files in a dead host's": {
			there: map[string]string{own + "0000aaaa/plugin1=": "", own + "0000aaaa/notes": "mine", own + "0000aaaa.lock": ""},
			stays: map[string]string{own: "", own + "0000aaaa/": "", own + "0000aaaa/notes": "mine", own + "0000aaaa.lock": ""},
		},
		"files in go-plugin's folder": {there: map[string]string{own + "0000aaaa/plugin-dir1/notes": "mine", own + "0000aaaa.lock": ""}},
		"a file in place of a folder": {there: map[string]string{own + "0000aaaa": "mine", own + "0000aaaa.lock": ""}},
		"a lock with something in it": {there: map[string]string{own + "0000aaaa/plugin1=": "", own + "0000aaaa.lock": "mine"}},
		"a folder without a lock":     {there: map[string]string{own + "0000aaaa/plugin1=": "", own + "notes/": ""}},
		"other names": {there: map[string]string{
			own + "notes.lock": "", own + "0000aaaa.lock.txt": "", own + "0000AAAA.lock": "", own + "00000aaaa.lock": "", own + "2222cccc.lock/": "", own + "lock": "",
		}},
		"links": {there: map[string]string{own + "0000aaaa@": "", own + "0000aaaa.lock": "", own + "1111bbbb.lock@": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := socketBase(t)
			lay(t, base, c.there)
			want := c.stays
			if want == nil {
				want = laid(t, base)
			}
			dir, err := newSocketDir(base)
			if err != nil {
				t.Fatal(err)
			}
			dir.remove()
			if diff := cmp.Diff(want, laid(t, base)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Hosts that start at the same time sweep, and never sweep each other's folders.
func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	base := socketBase(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				dir, err := newSocketDir(base)
				if err != nil {
					t.Error(err)
					return
				}
				for _, path := range []string{dir.path, dir.path + lockSuffix} {
					if _, err := os.Stat(path); err != nil {
						t.Error(err)
					}
				}
				dir.remove()
			}
		})
	}
	group.Wait()
	if left := laid(t, base); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// A folder that another user planted under the name of this user's is not used, nor one
// that others can look into.
func TestPlantedFolderIsNotUsed(t *testing.T) {
	t.Parallel()
	plant := map[string]func(path string) error{
		"is a symbolic link": func(path string) error { return os.Symlink(filepath.Dir(path), path) },
		"is not a folder":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"has the mode 0755 and not 0700": func(path string) error {
			return os.Mkdir(path, 0o755)
		},
	}
	if os.Geteuid() == 0 { // only root can give folders away
		plant["belongs to another user"] = func(path string) error {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			return os.Chown(path, 65534, -1)
		}
	}
	for reason, make := range plant {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			base := socketBase(t)
			for n := range foldersTried {
				if err := make(filepath.Join(base, folderName(n))); err != nil {
					t.Fatal(err)
				}
				dir, err := newSocketDir(base)
				if n < foldersTried-1 {
					if err != nil {
						t.Fatal(err)
					}
					if got, want := filepath.Dir(dir.path), filepath.Join(base, folderName(n+1)); got != want {
						t.Errorf("made in %s, want %s", got, want)
					}
					dir.remove()
					continue
				}
				want := "make a folder for the plugin's socket: " + filepath.Join(base, folderName(0)) + " " + reason + ", and the next 9 names are taken, too"
				if err == nil || err.Error() != want {
					t.Errorf("\n got %v\nwant %s", err, want)
				}
			}
		})
	}
}

// The longest folder that is accepted has sockets with the longest names, and the path of
// a folder that is too long for those is refused.
func TestSocketsFit(t *testing.T) {
	t.Parallel()
	longest := maxSocketPath - len("/"+folderName(0)+socketBelow)
	for name, c := range map[string]struct {
		length int
		fits   bool
	}{"longest": {longest, true}, "longer": {longest + 1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := socketBase(t)
			base = filepath.Join(base, strings.Repeat("x", c.length-len(base)-1))
			if err := os.Mkdir(base, 0o700); err != nil {
				t.Fatal(err)
			}
			dir, err := newSocketDir(base)
			if (err == nil) != c.fits {
				t.Fatalf("%d bytes: %v", len(base), err)
			}
			if err != nil {
				return
			}
			defer dir.remove()
			socket, err := net.Listen("unix", filepath.Join(dir.path, "plugin4294967295"))
			if err != nil {
				t.Fatal(err)
			}
			_ = socket.Close()
		})
	}
}
