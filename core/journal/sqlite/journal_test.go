package sqlite

import (
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
