package statefile

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, dir string) *File {
	t.Helper()
	f, err := Open(t.Context(), dir, Options{Command: "dth sync a b", Since: time.Unix(1_790_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFile(t, f) })
	return f
}

func closeFile(t *testing.T, f *File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// addExtra writes one row.
func addExtra(key string) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO extras (key) VALUES (?)", []byte(key))
		return err
	}
}

func countExtras(t *testing.T, f *File) int {
	t.Helper()
	var count int
	err := f.View(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT count(*) FROM extras").Scan(&count)
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return count
}

func TestOpenCreatesWhatOnlyItsUserCanRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "state ?mode=memory#%41&ключ")
	f := open(t, dir)
	if err := f.Update(t.Context(), addExtra("a")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		".": os.ModeDir | 0o700, "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600, "lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode() != want {
			t.Errorf("mode of %s is %v, want %v", name, info.Mode(), want)
		}
	}
	closeFile(t, f)
	if got := countExtras(t, open(t, dir)); got != 1 {
		t.Errorf("%d rows after opening again, want 1", got)
	}
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	for name, db := range map[string]*sql.DB{"writer": f.writer, "reader": f.readers} {
		var mode string
		var synchronous, cache int
		row := db.QueryRow("SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous), (SELECT cache_size FROM pragma_cache_size)")
		if err := row.Scan(&mode, &synchronous, &cache); err != nil {
			t.Fatal(err)
		}
		const full = 2
		if mode != "wal" || synchronous != full || cache >= 0 || cache < -8<<10 {
			t.Errorf("%s: journal mode %s, synchronous %d, cache %d", name, mode, synchronous, cache)
		}
	}
}

func TestOpenContinuesAnInterruptedCreation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeState(t, dir, nil)
	if got := countExtras(t, open(t, dir)); got != 0 {
		t.Errorf("%d rows in a new state, want 0", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, dir string)
		reason  error
		text    string // DIR stands for the directory
	}{
		"a newer version": {
			func(t *testing.T, dir string) { makeState(t, dir, "PRAGMA user_version = 7") },
			ErrNewer,
			"DIR/state.db was written by a newer dth (state version 7; this one knows 3): use that dth, or choose another directory with --state DIR",
		},
		"an older version": {
			func(t *testing.T, dir string) { makeState(t, dir, "PRAGMA user_version = 1") },
			ErrOlder,
			"DIR/state.db was written by an older dth (state version 1; this one knows 3): move it away and run the same command again; a new run compares both sides again and loses nothing",
		},
		"another program's database": {
			func(t *testing.T, dir string) { makeState(t, dir, "PRAGMA application_id = 1") },
			ErrForeign,
			"DIR/state.db is not a state file of dth: choose another directory with --state DIR",
		},
		"a database without a mark": {
			func(t *testing.T, dir string) {
				makeState(t, dir, "PRAGMA application_id = 0; PRAGMA user_version = 0")
			},
			ErrForeign,
			"DIR/state.db is not a state file of dth: choose another directory with --state DIR",
		},
		"random bytes": {
			func(t *testing.T, dir string) { writeState(t, dir, []byte(strings.Repeat("no database", 1000))) },
			ErrDamaged,
			"state.db is damaged: DIR/state.db (file is not a database (26)): move it away and run the same command again; a new run compares both sides again and loses nothing",
		},
		"a damaged header": {
			func(t *testing.T, dir string) {
				makeState(t, dir, "")
				damage(t, dir, func(b []byte) []byte { copy(b[16:], strings.Repeat("\xee", 80)); return b })
			},
			ErrDamaged,
			"state.db is damaged: DIR/state.db (file is not a database (26)): move it away and run the same command again; a new run compares both sides again and loses nothing",
		},
		"a truncated database": {
			func(t *testing.T, dir string) {
				makeState(t, dir, "")
				damage(t, dir, func(b []byte) []byte { return b[:5000] })
			},
			ErrDamaged,
			"state.db is damaged: DIR/state.db (database disk image is malformed (11)): move it away and run the same command again; a new run compares both sides again and loses nothing",
		},
		"a damaged schema": {
			func(t *testing.T, dir string) {
				makeState(t, dir, "")
				damage(t, dir, func(b []byte) []byte { copy(b[100:], strings.Repeat("\xee", 3996)); return b })
			},
			ErrDamaged,
			"state.db is damaged: DIR/state.db (database disk image is malformed (11)): move it away and run the same command again; a new run compares both sides again and loses nothing",
		},
		"a directory in the database's place": {
			func(t *testing.T, dir string) {
				if err := os.Mkdir(filepath.Join(dir, "state.db"), 0o700); err != nil {
					t.Fatal(err)
				}
			},
			ErrNotWritable,
			"state directory DIR cannot be written (open DIR/state.db: is a directory): give this user the right to write there, or choose another directory with --state DIR",
		},
		"a file in the directory's place": {
			func(t *testing.T, dir string) {
				if err := errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			},
			ErrNotWritable,
			"state directory DIR cannot be written (mkdir DIR: not a directory): give this user the right to write there, or choose another directory with --state DIR",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, dir)
			before, _ := os.ReadFile(filepath.Join(dir, "state.db"))
			_, err := Open(t.Context(), dir, Options{})
			checkRefusal(t, dir, err, test.reason, test.text)
			if _, err := Open(t.Context(), dir, Options{}); errors.As(err, new(*LockedError)) {
				t.Error("the refusal left the directory locked")
			}
			after, _ := os.ReadFile(filepath.Join(dir, "state.db"))
			if string(before) != string(after) {
				t.Error("the refused database was changed")
			}
			if !errors.Is(test.reason, ErrNotWritable) {
				_, err = OpenReadOnly(t.Context(), dir)
				checkRefusal(t, dir, err, test.reason, test.text)
			}
		})
	}
}

func checkRefusal(t *testing.T, dir string, err, reason error, text string) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Fatalf("error is %v, want %v", err, reason)
	}
	if diff := cmp.Diff(text, strings.ReplaceAll(err.Error(), dir, "DIR")); diff != "" {
		t.Errorf("text differs (-want +got):\n%s", diff)
	}
}

// makeState makes a state, changed by the statements.
func makeState(t *testing.T, dir, statements string) {
	t.Helper()
	f, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.writer.Exec(statements); err != nil {
		t.Error(err)
	}
	closeFile(t, f)
}

func writeState(t *testing.T, dir string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "state.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func damage(t *testing.T, dir string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	writeState(t, dir, change(content))
}

func TestOpenReadOnlyNeedsAState(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(dir string){
		"no directory": func(dir string) { os.Remove(dir) },
		"no database":  func(string) {},
		"empty database": func(dir string) {
			writeState(t, dir, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			prepare(dir)
			_, err := OpenReadOnly(t.Context(), dir)
			checkRefusal(t, dir, err, ErrNoState, "no state in DIR: no run has used this directory yet; check --state DIR or the pair of locations")
		})
	}
}

func TestOpenReadOnlyBesideAWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer := open(t, dir)
	for i := range 3 {
		if err := writer.Update(t.Context(), addExtra(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		reader, err := OpenReadOnly(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := countExtras(t, reader); got != i+1 {
			t.Errorf("reader sees %d rows, want %d", got, i+1)
		}
		if err := reader.Update(t.Context(), addExtra("x")); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Update of a reader returned %v, want ErrReadOnly", err)
		}
		closeFile(t, reader)
	}
	closeFile(t, writer)
	reader, err := OpenReadOnly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFile(t, reader)
	if got := countExtras(t, reader); got != 3 {
		t.Errorf("reader sees %d rows after the writer left, want 3", got)
	}
	open(t, dir) // a reader locks nobody out
}

func TestLockNamesItsHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := open(t, dir)
	_, err := Open(t.Context(), dir, Options{Command: "dth sync late"})
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second Open returned %v, want *LockedError", err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := Holder{PID: os.Getpid(), Host: host, Command: "dth sync a b", Since: time.Unix(1_790_000_000, 0).UTC()}
	if diff := cmp.Diff(want, locked.Holder); diff != "" {
		t.Errorf("holder differs (-want +got):\n%s", diff)
	}
	text := fmt.Sprintf(`state directory %s is in use by "dth sync a b" (process %d on %s, since 2026-09-21T14:13:20Z): wait for it or stop it, or choose another directory with --state DIR`,
		dir, os.Getpid(), host)
	if diff := cmp.Diff(text, locked.Error()); diff != "" {
		t.Errorf("text differs (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), dir, Options{})
	if want := fmt.Sprintf("state directory %s is in use by another process: wait for it or stop it, or choose another directory with --state DIR", dir); err == nil || err.Error() != want {
		t.Errorf("with an unreadable holder Open returned %v, want %s", err, want)
	}
	closeFile(t, holder)
	open(t, dir)
}

// A file of the user's that is called as the lock is stays as it is. What a machine that
// lost its power left of the lock is none.
func TestForeignLockStays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		foreign bool
	}{
		"text":          {"my notes\n", true},
		"other JSON":    {`{"name":"x"}`, true},
		"empty":         {"", false},
		"zeros":         {"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", false},
		"half a name":   {`{"pi`, false},
		"a dead holder": {`{"pid":1,"host":"h","command":"dth sync a b","since":"2026-09-21T14:13:20Z"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "lock")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := Open(t.Context(), dir, Options{})
			if !test.foreign {
				if err != nil {
					t.Fatal(err)
				}
				closeFile(t, file)
				return
			}
			checkRefusal(t, dir, err, ErrForeign, "DIR/lock is not a state file of dth: choose another directory with --state DIR")
			if left, err := os.ReadFile(path); err != nil || string(left) != test.content {
				t.Errorf("the file holds %q, %v", left, err)
			}
		})
	}
}

func TestLockLetsOneIn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	const openers = 8
	files := make([]*File, openers)
	var opening sync.WaitGroup
	for i := range openers {
		opening.Go(func() {
			f, err := Open(t.Context(), dir, Options{})
			if err != nil && !errors.As(err, new(*LockedError)) {
				t.Errorf("Open returned %v, want *LockedError", err)
			}
			files[i] = f
		})
	}
	opening.Wait()
	opened := 0
	for _, f := range files {
		if f != nil {
			opened++
			closeFile(t, f)
		}
	}
	if opened != 1 {
		t.Errorf("%d of %d openers got in, want 1", opened, openers)
	}
}
