package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/queuetest"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
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

func TestPurge(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	q := s.open(t)
	send(t, q, "left over", 20)
	q = s.open(t)
	first, err := q.Receive(t.Context()) // some are loaded now
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, q, "new", 3)
	if got := drain(t, q); got != 3 {
		t.Errorf("%d messages after Purge, want the 3 that were sent later", got)
	}
	if err := q.Ack(t.Context(), first); err != nil {
		t.Errorf("Ack of a purged message: %v", err)
	}
	if got := drain(t, s.open(t)); got != 3 {
		t.Errorf("the next process receives %d messages, want 3", got)
	}
}

// TestHandedOut: a killed process leaves durably what it may have been at, and nothing that
// it acknowledged; the rest of the queue is not read.
func TestHandedOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sent, received, acknowledged, want int }{
		"nothing sent":             {0, 0, 0, 0},
		"nothing received":         {3, 0, 0, 3}, // a small run has one mark
		"some received":            {3, 2, 0, 3},
		"some acknowledged":        {3, 3, 2, 1},
		"all acknowledged":         {5, 5, 5, 0},
		"many, at a mark":          {3 * stride, stride, stride, 0},
		"many, after a mark":       {4 * stride, stride + 1, stride + 1, stride + stretch - 1},
		"many, none acknowledged":  {4 * stride, stride + 1, 0, 2*stride + stretch},
		"after many runs":          {0, 0, 0, 0},
		"of many, the first alone": {4 * stride, 1, 0, stride},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			q := s.open(t)
			if name == "after many runs" {
				send(t, q, "old", 2*stride)
			}
			if err := q.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			send(t, q, "run", test.sent)
			for i := range test.received {
				message, err := q.Receive(t.Context())
				if err == nil && i < test.acknowledged {
					err = q.Ack(t.Context(), message)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			q = s.open(t)
			if got := handed(t, q); got != test.want {
				t.Errorf("%d messages may have been handed out, want %d", got, test.want)
			}
			if err := q.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := handed(t, s.open(t)); got != 0 {
				t.Errorf("%d messages after Purge, want none", got)
			}
		})
	}
}

// TestHandedOutNamesAnUnreadableMessage: what cannot be read cannot be accounted for.
func TestHandedOutNamesAnUnreadableMessage(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	q := s.open(t)
	if err := q.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, q, "good", 1)
	err := s.file.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE messages SET body = 'nonsense'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range q.HandedOut(t.Context()) {
		if !errors.Is(err, statefile.ErrDamaged) || !strings.Contains(err.Error(), "message 1") {
			t.Errorf("HandedOut yielded %v, want ErrDamaged naming message 1", err)
		}
	}
}

// handed returns how many messages may have been handed out.
func handed(t testing.TB, q *Queue) (count int) {
	t.Helper()
	for batch, err := range q.HandedOut(t.Context()) {
		if err != nil || batch.Run != "run" {
			t.Fatalf("batch of run %q, %v", batch.Run, err)
		}
		count++
	}
	return count
}

func TestReceiveNamesAnUnreadableMessage(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	q := s.open(t)
	send(t, q, "good", 2)
	err := s.file.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE messages SET body = 'nonsense' WHERE id = 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context()); !errors.Is(err, statefile.ErrDamaged) || !strings.Contains(err.Error(), "message 1") {
		t.Errorf("Receive returned %v, want ErrDamaged naming message 1", err)
	}
	if _, err := q.Receive(t.Context()); err != nil {
		t.Errorf("Receive after the unreadable message: %v", err)
	}
}

func TestAckRefusesForeignMessages(t *testing.T) {
	t.Parallel()
	if err := newStore(t).open(t).Ack(t.Context(), queue.Message{ID: "AQEB-handle"}); err == nil {
		t.Error("Ack took a message of another queue")
	}
}

// TestBodiesStayOnDisk fills the queue with far more than the process may hold.
func TestBodiesStayOnDisk(t *testing.T) {
	t.Parallel()
	q := newStore(t).open(t)
	const messages = 500
	send(t, q, "run", messages)
	for range messages {
		if len(q.loaded) > stretch {
			t.Fatalf("%d messages are in memory, want at most %d", len(q.loaded), stretch)
		}
		if _, err := q.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func send(t testing.TB, q *Queue, run string, count int) {
	t.Helper()
	for range count {
		if err := q.Send(t.Context(), task.Batch{Run: run, Tasks: make([]task.Task, 10)}); err != nil {
			t.Fatal(err)
		}
	}
}

// drain closes the queue and returns how many messages it still held.
func drain(t testing.TB, q *Queue) (count int) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := q.Receive(t.Context())
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
}

// BenchmarkPassThrough sends, receives and acknowledges batches of 100 tasks, each step
// by one goroutine at a time.
func BenchmarkPassThrough(b *testing.B) {
	q := newStore(b).open(b)
	batch := task.Batch{Run: "run"}
	for i := range 100 {
		batch.Tasks = append(batch.Tasks, task.Task{Key: fmt.Sprintf("photos/2026/IMG_%08d.jpg", i), Size: 4096, ETag: fmt.Sprintf("%032x", i*7919)})
	}
	for b.Loop() {
		if err := q.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		message, err := q.Receive(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := q.Ack(b.Context(), message); err != nil {
			b.Fatal(err)
		}
	}
}
