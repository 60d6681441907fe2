// Package sqlite is the journal of a run on one machine, kept in the state file.
package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/statefile"
)

// Journal implements journal.Journal. It holds nothing in memory.
type Journal struct {
	file *statefile.File
}

var _ journal.Journal = (*Journal)(nil)

// New returns the journal in file.
func New(file *statefile.File) *Journal { return &Journal{file: file} }

// update runs write in a transaction; doing names the operation in its error.
func (j *Journal) update(ctx context.Context, doing string, write func(*sql.Tx) error) error {
	if err := j.file.Update(ctx, write); err != nil {
		return fmt.Errorf("journal: %s: %w", doing, err)
	}
	return nil
}

// Append stores records, each replacing the one before it of the same key, in one
// transaction. A record with OutcomeDone also forgets the key's upload.
func (j *Journal) Append(ctx context.Context, records []journal.Record) error {
	if len(records) == 0 {
		return nil
	}
	packed := make([][]byte, len(records))
	for i, record := range records {
		var err error
		if packed[i], err = packRecord(record); err != nil {
			return fmt.Errorf("journal: append %q: %w", record.Key, err)
		}
	}
	return j.update(ctx, "append", func(tx *sql.Tx) error {
		insert, err := tx.Prepare("INSERT OR REPLACE INTO objects (key, failed_run, adapted_run, record) VALUES (?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		var uploads bool // most runs have none, and a look is cheaper than a deletion for each record
		if err := tx.QueryRow("SELECT EXISTS (SELECT 1 FROM uploads)").Scan(&uploads); err != nil {
			return err
		}
		for i, record := range records {
			var failedRun, adaptedRun any
			switch {
			case record.Outcome != journal.OutcomeDone:
				failedRun = blob(record.Run)
			case record.IsAdapted():
				adaptedRun = blob(record.Run)
			}
			if _, err := insert.Exec(blob(record.Key), failedRun, adaptedRun, packed[i]); err != nil {
				return err
			}
			if uploads && record.Outcome == journal.OutcomeDone && !record.UploadOpen {
				if err := forgetUpload(tx, record.Key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Scan yields all records by ascending key.
func (j *Journal) Scan(ctx context.Context) iter.Seq2[journal.Record, error] {
	return scan(ctx, j.file, "SELECT key, record FROM objects WHERE key >= ? ORDER BY key LIMIT ?", nil, readRecord)
}

// Failures yields the records of a run whose outcome is failed or skipped, by
// ascending key.
func (j *Journal) Failures(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return scan(ctx, j.file, "SELECT key, record FROM objects WHERE failed_run = ? AND key >= ? ORDER BY key LIMIT ?", []any{blob(run)}, readRecord)
}

// Adapted yields the records of a run that are done under another key or with changes,
// by ascending key.
func (j *Journal) Adapted(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return scan(ctx, j.file, "SELECT key, record FROM objects WHERE adapted_run = ? AND key >= ? ORDER BY key LIMIT ?", []any{blob(run)}, readRecord)
}

// blob returns s as SQLite shall keep it: bytes, ordered as bytes.
func blob(s string) []byte {
	b := make([]byte, len(s)) // never nil, which would be NULL
	copy(b, s)
	return b
}
