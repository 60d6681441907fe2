package statefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errWanted = errors.New("wanted failure")

func TestUpdateKeepsAllOrNothing(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	err := f.Update(t.Context(), func(tx *sql.Tx) error {
		if err := addExtra("lost")(tx); err != nil {
			return err
		}
		return errWanted
	})
	if !errors.Is(err, errWanted) {
		t.Errorf("Update returned %v, want the error of its function", err)
	}
	if got := countExtras(t, f); got != 0 {
		t.Errorf("a failed update left %d rows", got)
	}
}

// TestUpdateGroups holds the writing goroutine until many updates wait, every
// third of which fails, and looks at what their one transaction leaves.
func TestUpdateGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	started, hold := make(chan struct{}), make(chan struct{})
	var updating sync.WaitGroup
	updating.Go(func() {
		if err := f.Update(t.Context(), func(*sql.Tx) error { close(started); <-hold; return nil }); err != nil {
			t.Errorf("first update: %v", err)
		}
	})
	<-started
	const waiting = 60
	var begun sync.WaitGroup
	for i := range waiting {
		begun.Add(1)
		updating.Go(func() {
			begun.Done()
			err := f.Update(t.Context(), func(tx *sql.Tx) error {
				if err := addExtra(fmt.Sprintf("%02d", i))(tx); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errWanted
				case 2: // what SQLite itself refuses
					return addExtra(fmt.Sprintf("%02d", i))(tx)
				}
				return nil
			})
			if (err == nil) != (i%3 == 0) || errors.Is(err, errWanted) != (i%3 == 1) {
				t.Errorf("update %d returned %v", i, err)
			}
		})
	}
	begun.Wait()
	close(hold)
	updating.Wait()
	closeFile(t, f)
	if got := countExtras(t, open(t, dir)); got != waiting/3 {
		t.Errorf("%d rows, want %d", got, waiting/3)
	}
}

func TestUpdateSharesItsFlush(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	const callers, each = 32, 20
	var updating sync.WaitGroup
	for c := range callers {
		updating.Go(func() {
			for i := range each {
				if err := f.Update(t.Context(), addExtra(fmt.Sprintf("%d/%d", c, i))); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	updating.Wait()
	if got := countExtras(t, f); got != callers*each {
		t.Errorf("%d rows, want %d", got, callers*each)
	}
}

func TestUpdateWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	started, hold := make(chan struct{}), make(chan struct{})
	var updating sync.WaitGroup
	updating.Go(func() {
		if err := f.Update(t.Context(), func(*sql.Tx) error { close(started); <-hold; return nil }); err != nil {
			t.Errorf("first update: %v", err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Update(ctx, addExtra("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("Update returned %v, want context.Canceled", err)
	}
	close(hold)
	updating.Wait()
	if got := countExtras(t, f); got != 0 {
		t.Errorf("an update that gave up left %d rows", got)
	}
}

func TestUpdateAfterClose(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	closeFile(t, f)
	if err := f.Update(t.Context(), addExtra("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("Update returned %v, want ErrClosed", err)
	}
	closeFile(t, f)
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	if err := f.View(t.Context(), addExtra("x")); !errors.Is(err, ErrNotWritable) {
		t.Errorf("writing in View returned %v, want ErrNotWritable", err)
	}
}

func TestViewEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	err := f.View(ctx, func(tx *sql.Tx) error {
		cancel()
		const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
		_, err := tx.ExecContext(ctx, endless)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("View returned %v, want context.Canceled", err)
	}
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	limit := func(pages int) {
		if _, err := f.writer.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	kept := 0
	var err error
	for ; err == nil && kept < 1000; kept++ {
		err = f.Update(t.Context(), addExtra(fmt.Sprintf("%04d%01000d", kept, 0)))
	}
	kept-- // the last one failed
	const text = "the disk that holds the state DIR is full (database or disk is full (13)): free some space and run the same command again; nothing that was recorded is lost"
	checkRefusal(t, dir, err, ErrFull, text)
	limit(100_000)
	if err := f.Update(t.Context(), addExtra("after")); err != nil {
		t.Errorf("Update on a disk with space again: %v", err)
	}
	if got := countExtras(t, f); got != kept+1 {
		t.Errorf("%d rows, want %d", got, kept+1)
	}
}

// TestLogStaysBounded writes while readers overlap without a pause, which keeps SQLite's own
// checkpoints from ever starting the log over.
func TestLogStaysBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	const limit = 1 << 20
	f.logSize, f.logLimit = limit, limit
	var reading sync.WaitGroup
	var stop atomic.Bool
	for range readers {
		reading.Go(func() {
			for !stop.Load() {
				err := f.View(t.Context(), func(tx *sql.Tx) error {
					var sum int
					return tx.QueryRow("SELECT coalesce(sum(length(body)), 0) FROM messages").Scan(&sum)
				})
				if err != nil {
					t.Errorf("View: %v", err)
					return
				}
			}
		})
	}
	var largest int64
	body := make([]byte, 64<<10)
	for range 60 {
		err := f.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec("INSERT OR REPLACE INTO messages (id, body) VALUES (1, ?)", body)
			return err
		})
		if err != nil {
			t.Fatalf("Update: %v", err)
		}
		info, err := os.Stat(filepath.Join(dir, "state.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	stop.Store(true)
	reading.Wait()
	if largest > 2*limit {
		t.Errorf("the log grew to %d bytes, want at most %d", largest, 2*limit)
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	cause := errors.New("CAUSE")
	for reason, want := range map[error]string{
		ErrNotWritable: "state directory /s cannot be written (CAUSE): give this user the right to write there, or choose another directory with --state DIR",
		ErrFull:        "the disk that holds the state /s is full (CAUSE): free some space and run the same command again; nothing that was recorded is lost",
		ErrDisk:        "the disk that holds the state /s failed (CAUSE): check the disk, its quota and the limit on file sizes (ulimit -f), then run the same command again",
	} {
		err := &Error{Path: "/s", Reason: reason, Err: cause}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("text differs (-want +got):\n%s", diff)
		}
		if !errors.Is(err, reason) || !errors.Is(err, cause) {
			t.Errorf("%v does not unwrap to reason and cause", err)
		}
	}
}
