package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/dth-dev/dth/core/journal"
)

// Failures yields the records whose outcome is failed, skipped, vanished or interrupted, by
// ascending key: of what the run left so, whichever run after it did so again.
func (j *Journal) Failures(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		runs, err := j.failedSince(ctx, run)
		if err != nil {
			yield(journal.Record{}, fmt.Errorf("journal: failures of run %q: %w", run, err))
			return
		}
		var streams []iter.Seq2[journal.Record, error]
		for _, later := range runs {
			streams = append(streams, j.failures(ctx, later))
		}
		for record, err := range journal.Merge(streams) {
			if left := record.Run == run || record.Since != "" && record.Since <= run; (err != nil || left) && (!yield(record, err) || err != nil) {
				return
			}
		}
	}
}

// failedSince returns the runs that were the last to leave a key undone, from this one on.
func (j *Journal) failedSince(ctx context.Context, run string) (runs []string, err error) {
	err = j.file.View(ctx, func(tx *sql.Tx) error {
		next, query := blob(run), "SELECT min(failed_run) FROM objects WHERE failed_run >= ?"
		for {
			var found sql.Null[[]byte]
			if err := tx.QueryRow(query, next).Scan(&found); err != nil || !found.Valid {
				return err
			}
			runs = append(runs, string(found.V))
			next, query = blob(string(found.V)), "SELECT min(failed_run) FROM objects WHERE failed_run > ?"
		}
	})
	return runs, err
}

// failures yields the records of the keys that this run was the last to leave undone.
func (j *Journal) failures(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return scan(ctx, j.file, "SELECT key, record FROM objects WHERE failed_run = ? AND key >= ? ORDER BY key LIMIT ?", []any{blob(run)}, readRecord)
}
