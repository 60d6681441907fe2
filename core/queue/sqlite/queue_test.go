package sqlite

import (
	"testing"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/queuetest"
	"github.com/dth-dev/dth/core/statefile"
)

// store is a state directory that one process after the other opens.
type store struct {
	dir  string
	file *statefile.File
}

func (s *store) Open(t testing.TB) queue.Queue { return s.open(t) }

func (s *store) open(t testing.TB) *Queue {
	t.Helper()
	s.close(t)
	file, err := statefile.Open(t.Context(), s.dir, statefile.Options{Command: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	s.file = file
	q, err := New(file)
	if err != nil {
		t.Fatal(err)
	}
	return q
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

func TestQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Store { return newStore(t) })
}
