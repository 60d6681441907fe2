package statefile

import (
	"context"
	"database/sql"
	"os"
)

// groupSize bounds how many updates share one transaction, and so how long the first of
// them waits.
const groupSize = 128

// update is one call of Update on its way through the writing goroutine.
type update struct {
	write func(*sql.Tx) error
	err   error
	done  chan struct{} // closed when err is final
}

// Update runs write in a write transaction and returns nil once its effect is durable. When
// write returns an error nothing of it is kept. Updates run one after another;
// those that wait at the same time are committed together, so that many callers
// share one flush of the disk. The context ends the wait for a turn; an update that
// has begun is finished, because its outcome would not be known otherwise. Therefore
// write gives no context to the transaction, and does not call this file.
func (f *File) Update(ctx context.Context, write func(*sql.Tx) error) error {
	if f.writer == nil {
		return ErrReadOnly
	}
	u := &update{write: write, done: make(chan struct{})}
	select {
	case f.updates <- u:
	case <-ctx.Done():
		return ctx.Err()
	case <-f.stop:
		return ErrClosed
	}
	<-u.done
	return u.err
}

// write serves Update until Close.
func (f *File) write() {
	defer close(f.stopped)
	for {
		select {
		case <-f.stop:
			return
		case first := <-f.updates:
			f.serve(first)
		}
	}
}

// serve commits one group and tells its members.
func (f *File) serve(first *update) {
	group, err := f.commit(first)
	for _, u := range group {
		if u.err == nil {
			u.err = err
		}
		u.err = f.explain(context.Background(), u.err)
		close(u.done)
	}
	f.cutLog()
}

// commit runs first and everything that has queued up behind it in one transaction. An
// error is that of the whole group.
func (f *File) commit(first *update) (group []*update, err error) {
	group = append(group, first)
	tx, err := f.writer.Begin()
	if err != nil {
		return group, err
	}
	defer rollback(tx) // no effect after the commit
	for u := first; u != nil; {
		if err := attempt(tx, u); err != nil {
			return group, err
		}
		if u = f.waiting(len(group)); u != nil {
			group = append(group, u)
		}
	}
	if err := tx.Commit(); err != nil {
		// The connection may still be inside the failed transaction.
		_, _ = f.writer.Exec("ROLLBACK")
		return group, err
	}
	return group, nil
}

// waiting returns an update that waits for its turn, nil when there is none or
// the group is full.
func (f *File) waiting(group int) *update {
	if group >= groupSize {
		return nil
	}
	select {
	case u := <-f.updates:
		return u
	default:
		return nil
	}
}

// attempt runs one update so that its failure leaves the rest of the group alone. It
// returns an error only when the whole transaction is lost.
func attempt(tx *sql.Tx, u *update) error {
	if _, err := tx.Exec("SAVEPOINT one"); err != nil {
		return err
	}
	if u.err = u.write(tx); u.err != nil {
		if _, err := tx.Exec("ROLLBACK TO one"); err != nil {
			return u.err // such as a full disk: SQLite has undone everything
		}
	}
	_, err := tx.Exec("RELEASE one")
	return err
}

// cutLog moves the write-ahead log into the database and empties it once it has
// grown large. SQLite itself starts the log over only when no reader is active
// at the right moment, which scans in a row may prevent for ever; here it waits
// for the readers, each of which is soon done. When one is not, in another
// process, the log may grow as much again until the next try.
func (f *File) cutLog() {
	info, err := os.Stat(f.path + "-wal")
	if err != nil || info.Size() < f.logLimit {
		return
	}
	var busy, frames, moved int
	err = f.writer.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err != nil || busy != 0 {
		f.logLimit = info.Size() + f.logSize
		return
	}
	f.logLimit = f.logSize
}

// rollback ends a transaction that was not committed. Its error adds nothing to
// the one that led here.
func rollback(tx *sql.Tx) { _ = tx.Rollback() }
