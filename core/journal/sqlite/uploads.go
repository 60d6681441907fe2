package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/internal/packed"
	"github.com/dth-dev/dth/core/journal"
)

// IntendUpload records an upload before it is created, replacing an older
// intent for the key together with its parts.
func (j *Journal) IntendUpload(ctx context.Context, upload journal.Upload) error {
	return j.update(ctx, "intend upload", func(tx *sql.Tx) error {
		if _, err := tx.Exec("DELETE FROM parts WHERE key = ?", blob(upload.Key)); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT OR REPLACE INTO uploads (key, upload_id, upload) VALUES (?, ?, ?)",
			blob(upload.Key), blob(upload.ID), packed.AppendUpload(nil, upload))
		return err
	})
}

// StartUpload adds the ID that the destination gave.
func (j *Journal) StartUpload(ctx context.Context, key, id string) error {
	return j.update(ctx, "start upload", func(tx *sql.Tx) error {
		return mustChange(tx.Exec("UPDATE uploads SET upload_id = ? WHERE key = ?", blob(id), blob(key)))
	})
}

// AmendUpload replaces what is on record of the key's upload but its ID and its parts.
func (j *Journal) AmendUpload(ctx context.Context, upload journal.Upload) error {
	return j.update(ctx, "amend upload", func(tx *sql.Tx) error {
		return mustChange(tx.Exec("UPDATE uploads SET upload = ? WHERE key = ?", packed.AppendUpload(nil, upload), blob(upload.Key)))
	})
}

// RecordPart remembers an acknowledged part of the key's upload.
func (j *Journal) RecordPart(ctx context.Context, key string, part journal.Part) error {
	return j.update(ctx, "record part", func(tx *sql.Tx) error {
		return mustChange(tx.Exec(`INSERT OR REPLACE INTO parts (key, number, part)
			SELECT key, ?, ? FROM uploads WHERE key = ?`, part.Number, packed.AppendPart(nil, part), blob(key)))
	})
}

// Upload returns the key's recorded upload and its parts by ascending number.
func (j *Journal) Upload(ctx context.Context, key string) (journal.Upload, []journal.Part, error) {
	var upload journal.Upload
	var parts []journal.Part
	err := j.file.View(ctx, func(tx *sql.Tx) error {
		var id, value []byte
		row := tx.QueryRowContext(ctx, "SELECT upload_id, upload FROM uploads WHERE key = ?", blob(key))
		err := row.Scan(&id, &value)
		if errors.Is(err, sql.ErrNoRows) {
			return journal.ErrNotFound
		}
		if err != nil {
			return err
		}
		if upload, err = packed.ReadUpload(key, string(id), string(value)); err != nil {
			return j.file.Damaged(fmt.Errorf("upload of %q: %w", key, err))
		}
		parts, err = j.parts(ctx, tx, key)
		return err
	})
	if err != nil {
		return journal.Upload{}, nil, fmt.Errorf("journal: upload of %q: %w", key, err)
	}
	return upload, parts, nil
}

func (j *Journal) parts(ctx context.Context, tx *sql.Tx, key string) ([]journal.Part, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, part FROM parts WHERE key = ? ORDER BY number", blob(key))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var parts []journal.Part
	for rows.Next() {
		var number int
		var value []byte
		if err := rows.Scan(&number, &value); err != nil {
			return nil, err
		}
		part, err := packed.ReadPart(number, string(value))
		if err != nil {
			return nil, j.file.Damaged(fmt.Errorf("part %d of %q: %w", number, key, err))
		}
		parts = append(parts, part)
	}
	return parts, rows.Err()
}

// Uploads returns all recorded uploads by ascending key.
func (j *Journal) Uploads(ctx context.Context) ([]journal.Upload, error) {
	var uploads []journal.Upload
	err := j.file.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT key, upload_id, upload FROM uploads ORDER BY key")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var key, id, value []byte
			if err := rows.Scan(&key, &id, &value); err != nil {
				return err
			}
			upload, err := packed.ReadUpload(string(key), string(id), string(value))
			if err != nil {
				return j.file.Damaged(fmt.Errorf("upload of %q: %w", key, err))
			}
			uploads = append(uploads, upload)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("journal: uploads: %w", err)
	}
	return uploads, nil
}

// ForgetUpload removes the key's upload and parts.
func (j *Journal) ForgetUpload(ctx context.Context, key string) error {
	return j.update(ctx, "forget upload", func(tx *sql.Tx) error { return forgetUpload(tx, key) })
}

func forgetUpload(tx *sql.Tx, key string) error {
	if _, err := tx.Exec("DELETE FROM parts WHERE key = ?", blob(key)); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM uploads WHERE key = ?", blob(key))
	return err
}

// mustChange says ErrNotFound for a statement that found nothing to change.
func mustChange(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	return journal.ErrNotFound
}
