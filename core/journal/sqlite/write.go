package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/statefile"
)

// writer writes records in one transaction.
type writer struct {
	file    *statefile.File
	tx      *sql.Tx
	insert  *sql.Stmt
	uploads bool // there are some: most runs have none, and a look is cheaper than a deletion for each record
}

func newWriter(file *statefile.File, tx *sql.Tx) (*writer, error) {
	w := &writer{file: file, tx: tx}
	if err := tx.QueryRow("SELECT EXISTS (SELECT 1 FROM uploads)").Scan(&w.uploads); err != nil {
		return nil, err
	}
	var err error
	w.insert, err = tx.Prepare("INSERT OR REPLACE INTO objects (key, failed_run, adapted_run, record) VALUES (?, ?, ?, ?)")
	return w, err
}

func (w *writer) close() { _ = w.insert.Close() } // it ends with the transaction at the latest

func (w *writer) write(record journal.Record) error {
	if record.Outcome != journal.OutcomeDone { // few are not, and done ones need no look at what they replace
		before, err := w.before(record.Key)
		if err != nil {
			return err
		}
		if record.Outcome == journal.OutcomeInterrupted && before.Outcome != "" && before.Run == record.Run {
			return nil
		}
		record = record.Keeping(before)
	}
	packed, err := packRecord(record)
	if err != nil {
		return err
	}
	var failedRun, adaptedRun any
	switch record.Outcome {
	case journal.OutcomeDone:
		if record.IsAdapted() {
			adaptedRun = blob(record.Run)
		}
	case journal.OutcomeDeleted:
	default:
		failedRun = blob(record.Run)
	}
	if _, err := w.insert.Exec(blob(record.Key), failedRun, adaptedRun, packed); err != nil {
		return err
	}
	if w.uploads && record.Outcome == journal.OutcomeDone && !record.UploadOpen {
		return forgetUpload(w.tx, record.Key)
	}
	return nil
}

// before returns the record of a key, zero where there is none.
func (w *writer) before(key string) (journal.Record, error) {
	entry := row{key: key}
	err := w.tx.QueryRow("SELECT record FROM objects WHERE key = ?", blob(key)).Scan(&entry.value)
	if errors.Is(err, sql.ErrNoRows) {
		return journal.Record{}, nil
	}
	if err != nil {
		return journal.Record{}, err
	}
	record, err := readRecord(entry)
	if err != nil {
		return journal.Record{}, w.file.Damaged(fmt.Errorf("entry %q: %w", key, err))
	}
	return record, nil
}
