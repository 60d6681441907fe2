package statefile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/statefile"
)

const (
	roleVariable = "DTH_TEST_ROLE"
	dirVariable  = "DTH_TEST_DIR"
	seedVariable = "DTH_TEST_SEED"
)

// TestMain lets the test binary play the process that is killed, has no rights or no
// space.
func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	var err error
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "storm":
		err = storm(dir, os.Getenv(seedVariable))
	case "hold":
		err = hold(dir)
	case "open as nobody":
		err = openAsNobody(dir)
	case "write beyond the limit":
		err = writeBeyondLimit(dir)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// child starts the test binary in a role. What it prints comes through the reader.
func child(t *testing.T, role, dir, seed string) (*exec.Cmd, io.Reader) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, seedVariable+"="+seed)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return command, output
}

// say returns what the child prints before it ends by itself.
func say(t *testing.T, role, dir string) string {
	t.Helper()
	command, output := child(t, role, dir, "")
	said, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(said), "\n"), dir, "DIR")
}

func hold(dir string) error {
	if _, err := statefile.Open(context.Background(), dir, statefile.Options{Command: "dth hold"}); err != nil {
		return err
	}
	fmt.Println("held")
	_, err := io.Copy(io.Discard, os.Stdin) // until killed
	if err != nil {
		return err
	}
	select {}
}

func TestLockDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	command, output := child(t, "hold", dir, "")
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "held\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	_, err := statefile.Open(t.Context(), dir, statefile.Options{})
	var locked *statefile.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != command.Process.Pid || locked.Holder.Command != "dth hold" {
		t.Fatalf("Open of a held directory returned %v, want *LockedError naming process %d", err, command.Process.Pid)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it was killed
	if content, err := os.ReadFile(filepath.Join(dir, "lock")); err != nil || len(content) == 0 {
		t.Fatalf("the killed process left the lock file %q, %v; want its name", content, err)
	}
	f, err := statefile.Open(t.Context(), dir, statefile.Options{})
	if err != nil {
		t.Fatalf("Open after the holder was killed: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// openAsNobody opens the directory without the rights that root has everywhere.
func openAsNobody(dir string) error {
	if os.Getuid() == 0 {
		const nobody = 65534
		if err := errors.Join(unix.Setgid(nobody), unix.Setuid(nobody)); err != nil {
			return err
		}
	}
	f, err := statefile.Open(context.Background(), dir, statefile.Options{})
	if err != nil {
		return err
	}
	return f.Close()
}

func TestNotWritable(t *testing.T) {
	t.Parallel()
	const advice = ": give this user the right to write there, or choose another directory with --state DIR"
	for name, test := range map[string]struct {
		prepare func(dir string) error
		want    string
	}{
		"the directory cannot be made": {
			func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o555) },
			"state directory DIR cannot be written (mkdir DIR: permission denied)" + advice,
		},
		"the directory cannot be written": {
			func(dir string) error { return os.Mkdir(dir, 0o555) },
			"state directory DIR cannot be written (open DIR/lock: permission denied)" + advice,
		},
		"the database cannot be written": {
			func(dir string) error {
				return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "state.db"), nil, 0o444))
			},
			"state directory DIR cannot be written (open DIR/state.db: permission denied)" + advice,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			if err := errors.Join(os.Chmod(filepath.Dir(parent), 0o755), os.Chmod(parent, 0o755)); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(parent, "state")
			if err := test.prepare(dir); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(parent, 0o755) })
			if diff := cmp.Diff(test.want, say(t, "open as nobody", dir)); diff != "" {
				t.Errorf("error differs (-want +got):\n%s", diff)
			}
		})
	}
}

// writeBeyondLimit appends records until the system refuses to let the files grow, and then
// once more after the limit is gone.
func writeBeyondLimit(dir string) error {
	f, err := statefile.Open(context.Background(), dir, statefile.Options{})
	if err != nil {
		return err
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 256 << 10, Max: before.Max}); err != nil {
		return err
	}
	j := journalsqlite.New(f)
	kept := 0
	for err == nil {
		err = j.Append(context.Background(), []journal.Record{{Key: fmt.Sprint(kept), Outcome: journal.OutcomeFailed, Error: strings.Repeat("x", 4000)}})
		kept++
	}
	fmt.Println(errors.Is(err, statefile.ErrDisk) || errors.Is(err, statefile.ErrFull))
	fmt.Println(err)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := j.Append(context.Background(), []journal.Record{{Key: "after", Outcome: journal.OutcomeDone}}); err != nil {
		return err
	}
	found := 0
	for _, err := range j.Scan(context.Background()) {
		if err != nil {
			return err
		}
		found++
	}
	fmt.Println(found == kept) // one failed, one came after
	return f.Close()
}

func TestDiskRefusesToGrow(t *testing.T) {
	t.Parallel()
	want := "true\n" +
		"journal: append: the disk that holds the state DIR failed (disk I/O error (778)): check the disk, its quota and the limit on file sizes (ulimit -f), then run the same command again\n" +
		"true"
	if diff := cmp.Diff(want, say(t, "write beyond the limit", t.TempDir())); diff != "" {
		t.Errorf("child's words differ (-want +got):\n%s", diff)
	}
}
