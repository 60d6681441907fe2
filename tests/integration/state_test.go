package integration

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// stateful is a pair of reference stores with one object, and a dth that has its state in
// the folder "state".
type stateful struct {
	*program
	source, destination *memStore
}

func newStateful(t *testing.T) *stateful {
	t.Helper()
	s := &stateful{source: startMem(t, "SRC"), destination: startMem(t, "DST")}
	s.program = newProgram(t, append(s.source.keys(), s.destination.keys()...)...)
	s.source.put("a", []byte("1"))
	return s
}

func (s *stateful) command() []string {
	return []string{"sync", s.source.at(""), s.destination.at(""), "--state=state"}
}

// hold keeps the next PUT waiting. The channel closes when it has come.
func (s *stateful) hold() (held chan struct{}, release func()) {
	held = make(chan struct{})
	let := make(chan struct{})
	s.destination.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.Do(func() { close(held) })})
	s.destination.Inject(memdriver.Fault{Call: "Put", Times: 1, Effect: memdriver.Hold(let)})
	return held, sync.OnceFunc(func() { close(let) })
}

// TestUnusableState: a state that cannot be used stops the run before it asks a store.
func TestUnusableState(t *testing.T) {
	t.Parallel()
	const path = `\S+/state/state\.db`
	for name, test := range map[string]struct {
		spoil  func(t *testing.T, path string)
		stderr string
	}{
		"corrupt": {
			func(t *testing.T, path string) { overwrite(t, path, bytes.Repeat([]byte("damage"), 2000)) },
			`dth: state\.db is damaged: ` + path + ` \(.*\): move it away and run the same command again; a new run compares both sides again and loses nothing`,
		},
		"cut off": {
			func(t *testing.T, path string) {
				if err := os.Truncate(path, 5000); err != nil {
					t.Fatal(err)
				}
			},
			`dth: state\.db is damaged: ` + path + ` \(.*\): move it away and run the same command again; .*`,
		},
		"of a newer version": {
			func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") },
			`dth: ` + path + ` was written by a newer dth \(state version 99; this one knows \d+\): use that dth, or choose another directory with --state DIR`,
		},
		"of another program": {
			func(t *testing.T, path string) { execute(t, path, "PRAGMA application_id = 7") },
			`dth: ` + path + ` is not a state file of dth: choose another directory with --state DIR`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStateful(t)
			s.must(0, s.command()...)
			path := filepath.Join(s.folder, "state", "state.db")
			test.spoil(t, path)
			spoiled, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s.source.put("b", []byte("2"))
			s.run(s.command()...).expect(t, 3, test.stderr)
			if s.destination.get("b") != nil {
				t.Error("the run copied without a state")
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, spoiled) {
				t.Errorf("the run changed the file that it refused: %v", err)
			}
			// What the message says helps.
			for _, name := range []string{path, path + "-wal", path + "-shm"} {
				_ = os.Remove(name) // the last two need not be there
			}
			if report := s.must(0, append(s.command(), "--json")...).report(t); report.Objects.Copied != 1 || report.Objects.Equal != 1 {
				t.Errorf("after moving it away: %+v", report.Objects)
			}
		})
	}
}

func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// TestOneRunPerState: the second run names the first one and goes; when the first one is
// killed, its lock dies with it.
func TestOneRunPerState(t *testing.T) {
	t.Parallel()
	s := newStateful(t)
	held, release := s.hold()
	defer release()
	first := s.start(s.command()...)
	select {
	case <-held:
	case <-first.ended:
		t.Fatalf("dth ended by itself: %+v", first.wait())
	}
	s.run(s.command()...).expect(t, 6, `dth: state directory \S+/state is in use by "dth sync .*" \(process \d+ on .*, since .*Z\): `+
		`wait for it or stop it, or choose another directory with --state DIR`)
	if err := first.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.wait()
	s.must(0, s.command()...)
	if string(s.destination.get("a")) != "1" {
		t.Error("the run after the kill did not copy")
	}
}

// TestFullDisk: what a limit on file sizes refuses is told like a full disk, and nothing
// that was recorded is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newStateful(t)
	const more = 40
	for i := range more {
		s.source.put(fmt.Sprintf("more/%d", i), []byte("1"))
	}
	limited := exec.Command("/bin/sh", append([]string{"-c", `ulimit -f 64; trap '' XFSZ; exec "$@"`, "sh", filepath.Join(installed, "dth")}, s.command()...)...)
	got := s.startCommand(limited).wait()
	got.expect(t, 3, `(?s)dth: the disk that holds the state \S+/state (failed|is full) \(.*\): .*run the same command again.*`)
	report := s.must(0, append(s.command(), "--json")...).report(t)
	if report.Objects.Copied+report.Objects.Equal != more+1 {
		t.Errorf("the next run: %+v", report.Objects)
	}
}

// TestSilentStore: a store that takes connections and never answers holds nobody up who
// interrupts dth.
func TestSilentStore(t *testing.T) {
	t.Parallel()
	s := newStateful(t)
	release := make(chan struct{})
	defer close(release)
	asked := make(chan struct{})
	var once sync.Once
	s.destination.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Do(func() { once.Do(func() { close(asked) }) })})
	s.destination.Inject(memdriver.Fault{Call: "List", Effect: memdriver.Hold(release)})
	r := s.start(s.command()...)
	select {
	case <-asked:
	case <-r.ended:
		t.Fatalf("dth ended by itself: %+v", r.wait())
	}
	begun := time.Now()
	if err := r.command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	got := r.wait()
	got.expect(t, 4, `dth: stopping; .*\ndth: interrupted\ndth: to go on, run: dth sync .*`)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("dth ended %s after the interruption, want at most 5 s", took)
	}
}
