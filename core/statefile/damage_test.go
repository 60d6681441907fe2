package statefile_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/queue"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
)

// TestDamageNeverCrashes overwrites pages with random bytes and uses everything in
// the file: each step works or says that the file is damaged.
func TestDamageNeverCrashes(t *testing.T) {
	t.Parallel()
	sound := makeSound(t)
	damaged := 0
	const rounds = 40
	for round := range rounds {
		random := rand.New(rand.NewPCG(uint64(round), 1))
		content := append([]byte(nil), sound...)
		for range 1 + random.IntN(8) {
			page := random.IntN(len(content) / 4096)
			from := page*4096 + random.IntN(4096)
			for i := from; i < min(from+random.IntN(512), (page+1)*4096); i++ {
				content[i] = byte(random.Uint32())
			}
		}
		if err := useDamaged(t, content); errors.Is(err, statefile.ErrDamaged) {
			damaged++
		} else if err != nil {
			t.Errorf("round %d: %v, want ErrDamaged or success", round, err)
		}
	}
	t.Logf("%d of %d files were found damaged", damaged, rounds)
	if damaged < rounds/2 {
		t.Errorf("only %d of %d files were found damaged", damaged, rounds)
	}
}

func makeSound(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	f, err := statefile.Open(t.Context(), dir, statefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := journalsqlite.New(f)
	var records []journal.Record
	for i := range 1000 {
		outcome := journal.OutcomeDone
		if i%5 == 0 {
			outcome = journal.OutcomeFailed
		}
		records = append(records, journal.Record{Key: fmt.Sprintf("key-%04d", i), Run: "run", Outcome: outcome, SourceETag: "0123456789abcdef"})
	}
	q, err := queuesqlite.New(f)
	if err != nil {
		t.Fatal(err)
	}
	err = j.Append(t.Context(), records)
	for i := range 50 {
		err = errors.Join(err, q.Send(t.Context(), task.Batch{Run: fmt.Sprint(i), Tasks: make([]task.Task, 20)}))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// useDamaged returns the first error of using a state with this content.
func useDamaged(t *testing.T, content []byte) error {
	t.Helper()
	dir, ctx := t.TempDir(), t.Context()
	if err := os.WriteFile(filepath.Join(dir, "state.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := statefile.Open(ctx, dir, statefile.Options{})
	if err != nil {
		return err
	}
	defer f.Close() // the error before it is the one that counts
	j := journalsqlite.New(f)
	for _, err := range j.Scan(ctx) {
		if err != nil {
			return err
		}
	}
	for _, err := range j.Failures(ctx, "run") {
		if err != nil {
			return err
		}
	}
	if err := j.Append(ctx, []journal.Record{{Key: "key-0500", Outcome: journal.OutcomeDone}}); err != nil {
		return err
	}
	return emptyQueue(t, f)
}

func emptyQueue(t *testing.T, f *statefile.File) error {
	q, err := queuesqlite.New(f)
	if err != nil {
		return err
	}
	var messages []queue.Message
	if err := q.Close(); err != nil {
		return err
	}
	for range 51 {
		message, err := q.Receive(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		messages = append(messages, message)
	}
	return q.Ack(t.Context(), messages...)
}
