package truth

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/statefile"
)

// state is an open state file. It stays open from one command to the next, because to open
// it costs more than all else in a history; only what a killed process left is opened anew.
type state struct {
	file   *statefile.File
	folder string
	kept   string // folder of what keep kept; empty for nothing
	err    error  // why it could not
}

// openState opens a state file in a folder of its own, a fresh one unless something is
// there.
func openState(ctx context.Context, folder string) (*state, error) {
	file, err := statefile.Open(ctx, folder, statefile.Options{Command: "test"})
	return &state{file: file, folder: folder}, err
}

// pairState returns the state of the pair of both buckets, with nothing in it.
func (s *Scene) pairState(ctx context.Context) (*state, error) {
	if s.state == nil {
		var err error
		s.state, err = openState(ctx, s.newFolder())
		return s.state, err
	}
	return s.state, s.state.empty(ctx)
}

func (s *Scene) newFolder() string {
	s.states++
	return filepath.Join(s.folder, fmt.Sprint(s.states))
}

// empty makes a state as if no run had used it.
func (s *state) empty(ctx context.Context) error {
	return s.file.Update(ctx, func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
		if err != nil {
			return err
		}
		defer rows.Close()
		var tables []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			tables = append(tables, name)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, name := range tables {
			if _, err := tx.Exec("DELETE FROM " + name); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep copies the state to a folder as kill -9 would leave it at this moment. While a
// transaction reads, SQLite neither overwrites its log nor cuts it off: database and log,
// copied in this order, are one state, and what is written meanwhile is at most more of the
// log.
func (s *state) keep(folder string) {
	s.kept = folder
	s.err = s.file.View(context.Background(), func(tx *sql.Tx) error {
		var runs int
		if err := tx.QueryRow("SELECT count(*) FROM runs").Scan(&runs); err != nil {
			return err
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		for _, name := range []string{"state.db", "state.db-wal"} {
			if err := copyFile(filepath.Join(s.folder, name), filepath.Join(folder, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// revive replaces the state by what was kept of it.
func (s *state) revive(ctx context.Context) error {
	if s.err != nil {
		return fmt.Errorf("keep the state of a killed process: %w", s.err)
	}
	if err := s.remove(); err != nil {
		return err
	}
	kept, err := openState(ctx, s.kept)
	if err == nil {
		*s = *kept
	}
	return err
}

// remove closes the state and removes its folder, which was made for it.
func (s *state) remove() error {
	if err := s.file.Close(); err != nil {
		return err
	}
	return os.RemoveAll(s.folder)
}

// records returns all records of the journal by key.
func (s *state) records(ctx context.Context) (map[string]journal.Record, error) {
	found := map[string]journal.Record{}
	for record, err := range journalsqlite.New(s.file).Scan(ctx) {
		if err != nil {
			return nil, err
		}
		found[record.Key] = record
	}
	return found, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	return target.Close()
}
