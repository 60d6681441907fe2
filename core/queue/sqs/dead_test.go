package sqs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
	"github.com/dth-dev/dth/core/task"
)

// letters returns all dead letters by ID.
func letters(t *testing.T, q *Queue) map[string]DeadLetter {
	t.Helper()
	all := map[string]DeadLetter{}
	for letter, err := range q.DeadLetters(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[letter.ID] = letter
	}
	return all
}

// bury puts so many letters of one failed object each into the queue.
func bury(t *testing.T, q *Queue, count int) {
	t.Helper()
	for i := range count {
		err := q.Bury(t.Context(), queue.Letter{Reason: "failed 5 times", At: time.Now(), Batch: task.Batch{
			Run: fmt.Sprintf("run-%02d", i), Pair: "1f3a", Tasks: []task.Task{{Key: "k", Attempt: 5, Reason: "source: denied"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// crash receives everything that waits so often that SQS moves it.
func crash(t *testing.T, f *fixture) {
	t.Helper()
	for range 6 {
		q := f.open(t)
		nothingOrMore(t, q)
		kill(q)
		f.Expire(f.main)
		f.Expire(f.priority)
	}
}

func nothingOrMore(t *testing.T, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := q.Receive(ctx); err != nil {
			return
		}
	}
}

func TestDeadLettersTellReasonAndHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		at := time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC)
		buried := map[string]queue.Letter{
			"failed 5 times":                       {At: at, Batch: task.Batch{Run: "r", Pair: "1f3a", Tasks: []task.Task{{Key: "\x00\uffff", Attempt: 5, Reason: "source: denied \ufffe"}}}},
			"not \x00 an \uffff event, \U0001F511": {At: at, Foreign: []byte("<xml>\t\u00e9</xml>")},
		}
		for reason, letter := range buried {
			letter.Reason = reason
			buried[reason] = letter
			if err := q.Bury(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
		}
		mustSend(t, q, work("crashing", 2))
		mustSend(t, q, task.Batch{Run: "parts", Parts: []task.Part{{Upload: "u", Number: 3}}})
		f.Put(f.main, `{"Records":[]}`)
		f.Put(f.priority, `{"v":1,"t":"mpu-abort","uploadId":"u","token":"t"}`)
		crash(t, f)
		const crashed = "received 5 times and never acknowledged: a worker crashed on it each time"
		moved := map[string]bool{}
		for _, letter := range letters(t, q) {
			if !letter.Raw {
				if diff := cmp.Diff(buried[letter.Reason], letter.Letter); diff != "" {
					t.Errorf("letter differs (-buried +listed):\n%s", diff)
				}
				delete(buried, letter.Reason)
				continue
			}
			if letter.Reason != crashed || letter.At.IsZero() {
				t.Errorf("reason %q at %v", letter.Reason, letter.At)
			}
			moved[fmt.Sprintf("%s %d %d %d %s", letter.Batch.Run, len(letter.Batch.Tasks), len(letter.Batch.Parts), len(letter.Batch.Orders), letter.Foreign)] = true
		}
		want := map[string]bool{"crashing 2 0 0 ": true, "parts 0 1 0 ": true, " 0 0 1 ": true, ` 0 0 0 {"Records":[]}`: true}
		if diff := cmp.Diff(want, moved); diff != "" || len(buried) > 0 {
			t.Errorf("%d letters are missing; moved messages differ (-want +got):\n%s", len(buried), diff)
		}
		count, err := q.Redrive(t.Context(), nil)
		if err != nil || count != 6 {
			t.Errorf("redrove %d, %v", count, err)
		}
		if got := len(f.Bodies(f.main)); got != 4 {
			t.Errorf("%d messages are in the main queue, want 4", got)
		}
		if got := len(f.Bodies(f.priority)); got != 2 {
			t.Errorf("%d messages are in the priority queue, want 2", got)
		}
	})
}

func TestDeadLettersOfManyAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		bury(t, q, 57)
		for range 3 { // each walk leaves all visible to the next
			if got := len(letters(t, q)); got != 57 {
				t.Errorf("%d letters, want 57", got)
			}
		}
		seen := 0
		for _, err := range q.DeadLetters(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == 12 {
				break
			}
		}
		depth, err := q.DeadDepth(t.Context())
		if err != nil || depth.Waiting != 57 {
			t.Errorf("depth is %+v, %v after a break, want 57 waiting", depth, err)
		}
	})
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ids   func(all []string) []string
		want  int
		fails string
	}{
		"all":                     {func([]string) []string { return nil }, 23, ""},
		"one":                     {func(all []string) []string { return all[7:8] }, 1, ""},
		"some":                    {func(all []string) []string { return all[3:18] }, 15, ""},
		"none":                    {func([]string) []string { return []string{} }, 0, ""},
		"one that does not exist": {func(all []string) []string { return []string{all[0], "gone"} }, 1, `letter "gone" is not in the dead-letter queue`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				q := f.open(t)
				bury(t, q, 23)
				ids := test.ids(slices.Sorted(maps.Keys(letters(t, q))))
				count, err := q.Redrive(t.Context(), ids)
				if count != test.want || (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
					t.Errorf("Redrive returned %d and %v, want %d and %q", count, err, test.want, test.fails)
				}
				for _, batch := range f.batches(t, q, f.main) {
					if diff := cmp.Diff([]task.Task{{Key: "k"}}, batch.Tasks); diff != "" || batch.Pair != "1f3a" {
						t.Errorf("redriven tasks differ, of pair %q (-want +got):\n%s", batch.Pair, diff)
					}
				}
				if sent, left := len(f.Bodies(f.main)), len(letters(t, q)); sent != test.want || left != 23-test.want {
					t.Errorf("%d messages were sent back and %d letters are left, want %d and %d", sent, left, test.want, 23-test.want)
				}
			})
		})
	}
}

// TestRedriveLosesNothing: some letters cannot be sent, others cannot be removed.
func TestRedriveLosesNothing(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]string{"cannot be sent": "SendMessageBatch", "cannot be removed": "DeleteMessageBatch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture().onRealTimes()
				q := f.open(t)
				bury(t, q, 25)
				refused := 0
				f.Fault = func(call sqstest.Call) *sqstest.Fault {
					if call.Op != op || call.Index != 3 {
						return nil
					}
					refused++
					return &sqstest.Fault{Code: "InvalidAddress"}
				}
				count, err := q.Redrive(t.Context(), nil)
				if refused == 0 || err == nil || count != 25-refused {
					t.Errorf("Redrive returned %d and %v with %d entries refused", count, err, refused)
				}
				f.Fault = nil
				left := map[string]bool{}
				for _, batch := range f.batches(t, q, f.main) {
					left[batch.Run] = true
				}
				for _, letter := range letters(t, q) {
					left[letter.Batch.Run] = true
				}
				if len(left) != 25 {
					t.Errorf("%d of 25 are left", len(left))
				}
			})
		})
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		bury(t, q, 14)
		ids := slices.Sorted(maps.Keys(letters(t, q)))
		if count, err := q.Purge(t.Context(), ids[2:4]); count != 2 || err != nil {
			t.Errorf("Purge of two returned %d and %v", count, err)
		}
		if count, err := q.Purge(t.Context(), nil); count != 12 || err != nil {
			t.Errorf("Purge of the rest returned %d and %v", count, err)
		}
		if left := len(f.Bodies(f.dead)) + len(f.Bodies(f.main)); left != 0 {
			t.Errorf("%d messages are left", left)
		}
	})
}

func TestDeadLettersOfAnotherVersionStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		for _, text := range []string{`{"v":2,"t":"dead","what":"ever"}`, `{"v":1,"t":"dead","batch":"BAAA"}`, `{"v":1,"t":"dead","reason":7}`} {
			f.Put(f.dead, text)
		}
		bury(t, q, 1)
		count, err := q.Redrive(t.Context(), nil)
		if count != 1 || err == nil || !strings.Contains(err.Error(), unreadable) {
			t.Errorf("Redrive returned %d and %v, want 1 and an error", count, err)
		}
		for _, letter := range letters(t, q) {
			if letter.Reason != unreadable || len(letter.Foreign) == 0 {
				t.Errorf("letter %+v does not say that it cannot be read", letter)
			}
		}
		if left := len(f.Bodies(f.dead)); left != 3 {
			t.Errorf("%d letters are left, want 3", left)
		}
	})
}

func TestDeadLettersTellThatTheServiceFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		f.Fault = func(sqstest.Call) *sqstest.Fault { return &sqstest.Fault{Code: "AccessDeniedException"} }
		failed := false
		for _, err := range q.DeadLetters(t.Context()) {
			failed = failed || err != nil
		}
		if _, err := q.Purge(t.Context(), nil); err == nil || !failed {
			t.Error("a walk that was refused looks like an empty queue")
		}
	})
}

func TestBuryRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	err := newFixture().open(t).Bury(t.Context(), queue.Letter{Reason: "r", Foreign: make([]byte, 1<<20)})
	if err == nil || !strings.Contains(err.Error(), "too large for a letter") {
		t.Errorf("Bury returned %v", err)
	}
}
