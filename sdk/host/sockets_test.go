package host

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Hosts that start at the same time sweep, and never sweep each other's folders.
func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	base, err := os.MkdirTemp("", "dth")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				sweepSockets(base)
				dir, err := newSocketDir(base)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(filepath.Join(dir.path, "lock")); err != nil {
					t.Error(err)
				}
				dir.remove()
			}
		})
	}
	group.Wait()
}

func TestSweepRemovesTheDead(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	long := time.Now().Add(-2 * makingTakes)
	dirs := map[string]bool{ // and whether they are to stay
		socketDirPrefix + "1": false,
		unlockedPrefix + "1":  false,
		unlockedPrefix + "2":  true, // in the making
		"dth-else":            true,
	}
	for name := range dirs {
		if err := os.MkdirAll(filepath.Join(base, name, "plugin-dir"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, socketDirPrefix+"1", "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(base, unlockedPrefix+"1"), long, long); err != nil {
		t.Fatal(err)
	}
	sweepSockets(base)
	for name, stay := range dirs {
		if _, err := os.Stat(filepath.Join(base, name)); (err == nil) != stay {
			t.Errorf("%s: %v", name, err)
		}
	}
}
