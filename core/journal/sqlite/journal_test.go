package sqlite

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/journal/journaltest"
	"github.com/dth-dev/dth/core/statefile"
)

// store is a state directory that one process after the other opens.
type store struct {
	dir  string
	file *statefile.File
}

func (s *store) Open(t testing.TB) journal.Journal {
	t.Helper()
	s.close(t)
	file, err := statefile.Open(t.Context(), s.dir, statefile.Options{Command: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	s.file = file
	return New(file)
}

func (s *store) close(t testing.TB) {
	if s.file == nil {
		return
	}
	if err := s.file.Close(); err != nil {
		t.Errorf("close state file: %v", err)
	}
}

func newStore(t testing.TB) *store {
	s := &store{dir: t.TempDir()}
	t.Cleanup(func() { s.close(t) })
	return s
}

func TestJournal(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) journaltest.Store { return newStore(t) })
}

// TestUnreadableEntries damages one entry of each kind and reads it.
func TestUnreadableEntries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statement string
		read      func(t *testing.T, j *Journal) error
	}{
		"record":             {"UPDATE objects SET record = x'00'", scanAll},
		"record of no kind":  {"UPDATE objects SET record = x'63' || record", scanAll},
		"upload":             {"UPDATE uploads SET upload = x'05'", readOne},
		"upload in the list": {"UPDATE uploads SET upload = x'05'", readList},
		"count of tags":      {"UPDATE uploads SET upload = CAST(substr(upload, 1, length(upload) - 1) || x'ffffffff7f' AS BLOB)", readOne},
		"part":               {"UPDATE parts SET part = x''", readOne},
		"time of a run":      {"UPDATE runs SET started = x''", readRuns},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.Open(t)
			j, ctx := New(s.file), t.Context()
			err := errors.Join(
				j.Append(ctx, []journal.Record{{Key: "k", Outcome: journal.OutcomeDone}}),
				j.IntendUpload(ctx, journal.Upload{Key: "k"}),
				j.RecordPart(ctx, "k", journal.Part{Number: 1}),
				j.BeginRun(ctx, journal.Run{ID: "r"}),
				scanAll(t, j), readOne(t, j), readList(t, j), readRuns(t, j),
				s.file.Update(ctx, func(tx *sql.Tx) error {
					_, err := tx.Exec(test.statement)
					return err
				}))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.read(t, j); !errors.Is(err, statefile.ErrDamaged) {
				t.Errorf("reading it returned %v, want ErrDamaged", err)
			}
		})
	}
}

func scanAll(t *testing.T, j *Journal) error {
	for _, err := range j.Scan(t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}

func readOne(t *testing.T, j *Journal) error {
	_, _, err := j.Upload(t.Context(), "k")
	return err
}

func readList(t *testing.T, j *Journal) error {
	_, err := j.Uploads(t.Context())
	return err
}

func readRuns(t *testing.T, j *Journal) error {
	_, err := j.Runs(t.Context())
	return err
}
