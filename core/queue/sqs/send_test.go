package sqs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/queue/sqs/sqstest"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// batches returns what lies in a queue.
func (f *fixture) batches(t testing.TB, q *Queue, in *sqstest.Queue) []task.Batch {
	t.Helper()
	var batches []task.Batch
	for _, text := range f.Bodies(in) {
		batch, ours := open(q.codec, text)
		if !ours {
			t.Fatalf("%q holds no batch", text)
		}
		batches = append(batches, batch)
	}
	return batches
}

func (f *fixture) runs(t testing.TB, q *Queue, in *sqstest.Queue) map[string]int {
	t.Helper()
	runs := map[string]int{}
	for _, batch := range f.batches(t, q, in) {
		runs[batch.Run]++
	}
	return runs
}

// sendAll sends batches from 16 goroutines, as the finder does.
func sendAll(t testing.TB, q *Queue, count, tasks int) map[string]int {
	t.Helper()
	want := map[string]int{}
	var sending sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range count {
		run := fmt.Sprintf("run-%03d", i)
		want[run] = 1
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			if err := q.Send(t.Context(), work(run, tasks)); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	sending.Wait()
	return want
}

// TestPredecessorD3PartialSendFailures: entries that SendMessageBatch refused in an answer
// of 200 were dropped in silence, and so were those whose retries were used up.
// Let outcomes report no failure for refused entries, or follow return nil after the last
// attempt, and it fails.
func TestPredecessorD3PartialSendFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		refused := 0
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Index < 0 || rand.N(2) == 0 && refused >= 10 {
				return nil
			}
			refused++
			if refused > 60 {
				return nil
			}
			return &sqstest.Fault{Code: "InternalError", Server: true}
		}
		q := f.open(t)
		want := sendAll(t, q, 100, 3)
		if diff := cmp.Diff(want, f.runs(t, q, f.main)); diff != "" {
			t.Errorf("stored batches differ (-sent +stored):\n%s", diff)
		}
		if refused < 10 {
			t.Errorf("only %d entries were refused", refused)
		}

		f.Fault = func(sqstest.Call) *sqstest.Fault { return &sqstest.Fault{Code: "ThrottlingException"} }
		if err := q.Send(t.Context(), work("run", 1)); driver.KindOf(err) != driver.KindThrottled {
			t.Errorf("Send returned %v after its last attempt", err)
		}
	})
}

// TestPredecessorFleet5RefusedEntryIsNamed: nobody looked at resp.Failed. An entry that
// can never be stored makes Send fail, by name, without a second attempt, and its
// neighbours in the request are stored once.
// Treat a sender's fault as the service's, and it fails.
func TestPredecessorFleet5RefusedEntryIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.Fault = func(call sqstest.Call) *sqstest.Fault {
			if call.Index != 3 {
				return nil
			}
			return &sqstest.Fault{Code: "InvalidMessageContents"}
		}
		q := f.open(t)
		var mu sync.Mutex
		var failures []string
		var sending sync.WaitGroup
		for i := range 10 {
			sending.Go(func() {
				run := fmt.Sprintf("run-%d", i)
				if err := q.Send(t.Context(), work(run, 1)); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failures = append(failures, run)
					if !strings.Contains(err.Error(), run) || !strings.Contains(err.Error(), "InvalidMessageContents") {
						t.Errorf("%q does not name the batch and the code", err)
					}
				}
			})
		}
		sending.Wait()
		stored := f.runs(t, q, f.main)
		if len(failures) != 1 || len(stored) != 9 || stored[failures[0]] != 0 {
			t.Errorf("%v failed and %v are stored, want one failed and the other nine stored once", failures, stored)
		}
		if got := f.Counts()["SendMessageBatch"]; got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
	})
}

func TestSendSharesRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		sendAll(t, q, 100, 100)
		if got := f.Counts()["SendMessageBatch"]; got > 20 {
			t.Errorf("%d requests for 100 batches sent by 16 goroutines, want at most 20", got)
		}
	})
}

func TestSendSurvivesLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		answers := 0
		f.Lose = func(string) bool { answers++; return answers%2 == 1 }
		q := f.open(t)
		want := sendAll(t, q, 20, 1)
		got := f.runs(t, q, f.main)
		for run := range want {
			if got[run] == 0 {
				t.Errorf("run %s is lost", run)
			}
		}
	})
}

func TestSendDoesNotTrustAnAnswerThatOmitsAnEntry(t *testing.T) {
	t.Parallel()
	errs := outcomes("SendMessageBatch", 3, []string{"0", "9", "x"}, nil)
	if errs[0] != nil || errs[1] == nil || !driver.KindOf(errs[1]).Retriable() || errs[2] == nil {
		t.Errorf("outcomes are %v, want success of the first entry alone", errs)
	}
}

func TestSendSplitsWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q := f.open(t)
	random := func(size int) string {
		key := make([]byte, size)
		for i := range key {
			key[i] = byte(rand.N(256))
		}
		return string(key)
	}
	want := task.Batch{Run: "run", Pair: "1f3a"}
	for i := range 450 {
		want.Tasks = append(want.Tasks, task.Task{Key: random(1024), Size: int64(i)})
	}
	for i := range 150 {
		want.Parts = append(want.Parts, task.Part{Upload: random(20), Number: i + 1})
	}
	want.Orders = []task.Order{{Kind: task.OrderAbort, Upload: "u", Token: random(1024)}}
	mustSend(t, q, want)
	got := map[int64]string{}
	for _, text := range f.Bodies(f.priority) {
		batch, _ := open(q.codec, text)
		if count := len(batch.Tasks) + len(batch.Parts) + len(batch.Orders); len(text) > 48<<10 || count > 100 || batch.Run != "run" || batch.Pair != want.Pair {
			t.Errorf("a message has %d bytes and %d tasks of run %q and pair %q", len(text), count, batch.Run, batch.Pair)
		}
		for _, task := range batch.Tasks {
			got[task.Size] = task.Key
		}
		for _, part := range batch.Parts {
			got[int64(-part.Number)] = part.Upload
		}
		for _, order := range batch.Orders {
			got[1<<20] = order.Token
		}
	}
	for _, task := range want.Tasks {
		if got[task.Size] != task.Key {
			t.Errorf("task %d is lost", task.Size)
		}
	}
	if len(got) != 450+150+1 {
		t.Errorf("%d tasks, parts and orders are stored, want %d", len(got), 450+150+1)
	}
}

func TestSendKeepsRequestsBelowOneMebibyte(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q := f.open(t)
	var sending sync.WaitGroup
	for i := range 12 {
		reason := make([]byte, 150<<10)
		for i := range reason {
			reason[i] = byte(rand.N(256))
		}
		sending.Go(func() {
			if err := q.Send(t.Context(), task.Batch{Run: fmt.Sprint(i), Tasks: []task.Task{{Key: "k", Reason: string(reason)}}}); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	sending.Wait()
	if got := len(f.Bodies(f.main)); got != 12 {
		t.Errorf("%d messages are stored, want 12", got)
	}
}

func TestSendRefusesATaskThatFitsNoMessage(t *testing.T) {
	t.Parallel()
	f := newFixture()
	reason := make([]byte, 2<<20)
	for i := range reason {
		reason[i] = byte(rand.N(256))
	}
	err := f.open(t).Send(t.Context(), task.Batch{Run: "run", Tasks: []task.Task{{Key: "k"}, {Key: "l", Reason: string(reason)}}})
	if err == nil || !strings.Contains(err.Error(), "more than the 1048576 of a message") {
		t.Errorf("Send returned %v", err)
	}
}

func TestSendLaterKeepsToWhatTheServiceTakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ delay, want time.Duration }{
		"none":     {0, 0},
		"negative": {-time.Hour, 0},
		"a little": {time.Millisecond, time.Second},
		"seconds":  {90 * time.Second, 90 * time.Second},
		"too long": {time.Hour, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newFixture().onRealTimes().open(t)
				began := time.Now()
				if err := q.SendLater(t.Context(), work("run", 1), test.delay); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if _, err := q.Receive(ctx); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited < test.want || waited > test.want+time.Second {
					t.Errorf("received after %v, want %v", waited, test.want)
				}
			})
		})
	}
}

func TestCloseWaitsForWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.config.Timings.SendLinger = 20 * time.Second
		q := f.open(t)
		var sending sync.WaitGroup
		sending.Go(func() { mustSend(t, q, work("run", 1)) })
		synctest.Wait()
		began := time.Now()
		mustClose(t, q)
		if len(f.Bodies(f.main)) != 1 || time.Since(began) > time.Second {
			t.Errorf("%d messages are stored after %v", len(f.Bodies(f.main)), time.Since(began))
		}
		sending.Wait()
		if err := q.Send(t.Context(), work("run", 1)); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("Send returned %v, want ErrClosed", err)
		}
	})
}

func TestCloseGivesUpOnAServiceThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		f.Lose = func(string) bool { return true }
		f.config.Retry = retry.Policy{Attempts: 1000, Base: time.Second, Cap: time.Minute}
		q := f.open(t)
		var sending sync.WaitGroup
		sending.Go(func() {
			if err := q.Send(t.Context(), work("run", 1)); err == nil {
				t.Error("Send succeeded without an answer")
			}
		})
		synctest.Wait()
		began := time.Now()
		mustClose(t, q)
		if took := time.Since(began); took > DefaultTimings.Close+requestTimeout {
			t.Errorf("Close took %v", took)
		}
		sending.Wait()
	})
}

func TestSendWithdrawsWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture().onRealTimes()
		q := f.open(t)
		ctx, cancel := context.WithTimeout(t.Context(), DefaultTimings.SendLinger/2)
		defer cancel()
		if err := q.Send(ctx, work("run", 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send returned %v", err)
		}
		mustSend(t, q, work("next", 1))
		if diff := cmp.Diff(map[string]int{"next": 1}, f.runs(t, q, f.main)); diff != "" {
			t.Errorf("stored batches differ (-want +got):\n%s", diff)
		}
	})
}
