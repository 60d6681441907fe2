package statefile_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
)

// storm appends, sends and acknowledges from many goroutines until it is killed. It
// prints a line for everything that is durable ("appended KEY SIZE", "sent RUN",
// "acked RUN"), and "acking RUN" before an acknowledgement begins.
func storm(dir, seed string) error {
	ctx := context.Background()
	f, err := statefile.Open(ctx, dir, statefile.Options{Command: "storm"})
	if err != nil {
		return err
	}
	q, err := queuesqlite.New(f)
	if err != nil {
		return err
	}
	j := journalsqlite.New(f)
	failed := make(chan error)
	var printing sync.Mutex
	tell := func(format string, values ...any) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Printf(format+"\n", values...)
	}
	repeat := func(step func(i int) error) {
		go func() {
			for i := 1; ; i++ {
				if err := step(i); err != nil {
					failed <- err
				}
			}
		}()
	}
	for worker := range 4 {
		repeat(func(i int) error {
			key, size := fmt.Sprintf("%s/%d/%d", seed, worker, i%50), int64(i)
			record := journal.Record{Key: key, Size: size, Outcome: journal.OutcomeDone}
			if err := j.Append(ctx, []journal.Record{record, {Key: key + "/twin", Size: size, Outcome: journal.OutcomeFailed}}); err != nil {
				return err
			}
			tell("appended %s %d", key, size)
			return nil
		})
		repeat(func(i int) error {
			run := fmt.Sprintf("%s/%d/%d", seed, worker, i)
			if err := q.Send(ctx, task.Batch{Run: run, Tasks: make([]task.Task, 50)}); err != nil {
				return err
			}
			tell("sent %s", run)
			return nil
		})
		repeat(func(i int) error {
			message, err := q.Receive(ctx)
			if err != nil || i%3 == 0 { // some stay unacknowledged
				return err
			}
			tell("acking %s", message.Batch.Run)
			if err := q.Ack(ctx, message); err != nil {
				return err
			}
			tell("acked %s", message.Batch.Run)
			return nil
		})
	}
	return <-failed
}

// told is what a storm has promised before it was killed.
type told struct {
	appended map[string]int64 // size of the last record
	sent     map[string]bool
	acking   map[string]bool
	acked    map[string]bool
}

func (p *told) hear(line string) {
	var key string
	var size int64
	switch word, rest, _ := strings.Cut(line, " "); word {
	case "appended":
		if _, err := fmt.Sscanf(rest, "%s %d", &key, &size); err == nil {
			p.appended[key] = max(size, p.appended[key])
		}
	case "sent":
		p.sent[rest] = true
	case "acking":
		p.acking[rest] = true
	case "acked":
		p.acked[rest] = true
	}
}

func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	promised := told{map[string]int64{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	const rounds = 20
	for round := range rounds {
		command, output := child(t, "storm", dir, fmt.Sprint(round))
		moment := rand.IntN(600)
		reader := bufio.NewReader(output)
		for line := 0; ; line++ {
			if line == moment {
				if err := command.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			text, err := reader.ReadString('\n')
			if err != nil { // a last line without end counts as never said
				break
			}
			promised.hear(strings.TrimSuffix(text, "\n"))
		}
		if err := command.Wait(); command.ProcessState.Exited() {
			t.Fatalf("the storm of round %d ended by itself: %v", round, err)
		}
		check(t, dir, promised)
		if t.Failed() {
			t.Fatalf("after round %d, killed at line %d", round, moment)
		}
	}
	t.Logf("%d kills: %d keys appended, %d messages sent, %d acknowledged", rounds, len(promised.appended), len(promised.sent), len(promised.acked))
}

// check opens what the killed process left and compares it with its promises.
func check(t *testing.T, dir string, promised told) {
	t.Helper()
	f, err := statefile.Open(t.Context(), dir, statefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	checkIntegrity(t, f)

	found := map[string]int64{}
	for record, err := range journalsqlite.New(f).Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found[record.Key] = record.Size
	}
	for key, size := range promised.appended {
		if found[key] < size {
			t.Errorf("record %s: size %d was promised, %d found", key, size, found[key])
		}
		if found[key] != found[key+"/twin"] {
			t.Errorf("record %s has size %d and its twin %d: half a transaction", key, found[key], found[key+"/twin"])
		}
	}

	left := received(t, f)
	for run := range promised.sent {
		if !promised.acking[run] && !left[run] {
			t.Errorf("message %s was sent and not acknowledged, but is gone", run)
		}
	}
	for run := range promised.acked {
		if left[run] {
			t.Errorf("message %s was acknowledged, but came again", run)
		}
	}
}

func checkIntegrity(t *testing.T, f *statefile.File) {
	t.Helper()
	var verdict string
	err := f.View(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRow("PRAGMA integrity_check").Scan(&verdict)
	})
	if err != nil || verdict != "ok" {
		t.Errorf("integrity check says %q, %v", verdict, err)
	}
}

// received returns what a new process receives.
func received(t *testing.T, f *statefile.File) map[string]bool {
	t.Helper()
	q, err := queuesqlite.New(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for {
		message, err := q.Receive(t.Context())
		if errors.Is(err, io.EOF) {
			return left
		}
		if err != nil {
			t.Fatal(err)
		}
		left[message.Batch.Run] = true
	}
}
