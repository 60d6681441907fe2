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
// transaction. A record with OutcomeDone also forgets the key's upload. One that is not
// done keeps the last proof of the key, and one with OutcomeInterrupted replaces no record
// of its own run.
func (j *Journal) Append(ctx context.Context, records []journal.Record) error {
	if len(records) == 0 {
		return nil
	}
	return j.update(ctx, "append", func(tx *sql.Tx) error {
		w, err := newWriter(j.file, tx)
		if err != nil {
			return err
		}
		defer w.close()
		for _, record := range records {
			if err := w.write(record); err != nil {
				return fmt.Errorf("%q: %w", record.Key, err)
			}
		}
		return nil
	})
}

// Scan yields all records by ascending key.
func (j *Journal) Scan(ctx context.Context) iter.Seq2[journal.Record, error] {
	return scan(ctx, j.file, "SELECT key, record FROM objects WHERE key >= ? ORDER BY key LIMIT ?", nil, readRecord)
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
