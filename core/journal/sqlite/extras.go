package sqlite

import (
	"context"
	"database/sql"
	"iter"
)

// AddExtras remembers keys that only the destination has, for this run.
func (j *Journal) AddExtras(ctx context.Context, keys []string) error {
	return j.update(ctx, "add extras", func(tx *sql.Tx) error {
		insert, err := tx.Prepare("INSERT OR IGNORE INTO extras (key) VALUES (?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, key := range keys {
			if _, err := insert.Exec(blob(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Extras yields them by ascending key.
func (j *Journal) Extras(ctx context.Context) iter.Seq2[string, error] {
	return scan(ctx, j.file, "SELECT key, NULL FROM extras WHERE key >= ? ORDER BY key LIMIT ?", nil,
		func(r row) (string, error) { return r.key, nil })
}

// ClearExtras forgets them.
func (j *Journal) ClearExtras(ctx context.Context) error {
	return j.update(ctx, "clear extras", func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM extras")
		return err
	})
}
