// Package warden sees to it that tests which are killed leave nothing behind: no
// processes and no folders.
package warden

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// folderVariable tells a test binary that it is to be the guard of a folder.
const folderVariable = "DTH_TEST_GUARDS"

// Run gives the tests that run runs a folder of their own for temporary files, which
// TMPDIR names, and returns what run returns. The folder goes when the tests end, however
// that is, and with it the processes that work in it or run from it: a second process of
// the test binary waits for that. The tests end when "go test" does. A TestMain calls it
// before anything else:
//
//	func TestMain(m *testing.M) { os.Exit(warden.Run(m.Run)) }
func Run(run func() int) int {
	if folder := os.Getenv(folderVariable); folder != "" {
		return stand(folder, os.Stdin)
	}
	code, err := guarded(run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "warden:", err)
		return 1
	}
	return code
}

func guarded(run func() int) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "dtht") // short: sockets have their paths below it
	if err != nil {
		return 0, err
	}
	guard := exec.Command(self)
	guard.Env = append(os.Environ(), folderVariable+"="+folder)
	guard.Dir = filepath.Dir(folder)
	guard.Stderr = os.Stderr // who waits for the end of what the tests print waits for the guard, too
	detach(guard)            // an interrupt from the terminal is not for it
	life, err := guard.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := guard.Start(); err != nil {
		return 0, err
	}
	if err := os.Setenv("TMPDIR", folder); err != nil {
		return 0, err
	}
	endWithGo()
	defer func() {
		_ = life.Close()
		if ended := guard.Wait(); err == nil {
			err = ended
		}
	}()
	return run(), nil
}

// stand waits until nothing holds the other end of life, then ends the processes of the
// folder and removes it.
func stand(folder string, life io.Reader) int {
	_, _ = io.Copy(io.Discard, life) // nothing is ever written: it returns at the end
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for range 500 { // processes that have been killed may still write for a moment
		if !endProcesses(folder) && os.RemoveAll(folder) == nil {
			return 0
		}
		<-again.C
	}
	return 1
}

// within says whether a path is in the folder.
func within(folder, path string) bool {
	path = strings.TrimSuffix(path, " (deleted)")
	return path == folder || strings.HasPrefix(path, folder+string(filepath.Separator))
}
