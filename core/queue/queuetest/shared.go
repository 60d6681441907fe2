package queuetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// SharedStore is one place where the messages of many machines lie, empty at first.
type SharedStore interface {
	// Join returns the queue as one more process sees it, which ends with the test.
	Join(t testing.TB) queue.Shared
	// Kill ends a process without a word: what it held is delivered again before long.
	Kill(t testing.TB, q queue.Shared)
}

// joined opens a shared store for the tests of any queue.
type joined struct{ SharedStore }

func (j joined) Open(t testing.TB) queue.Queue { return j.Join(t) }

// RunShared checks the contract of queue.Shared. It calls newStore for each test.
func RunShared(t *testing.T, newStore func(t *testing.T) SharedStore) {
	tests := map[string]func(*testing.T, SharedStore){
		"a batch comes back as it was sent":            func(t *testing.T, s SharedStore) { testRoundTrip(t, joined{s}) },
		"a batch of hostile keys comes back unchanged": func(t *testing.T, s SharedStore) { testHostileKeys(t, joined{s}) },
		"receive waits for a batch":                    func(t *testing.T, s SharedStore) { testReceiveWaits(t, joined{s}) },
		"receive ends with its context":                func(t *testing.T, s SharedStore) { testReceiveCancelled(t, joined{s}) },
		"nothing can be sent after close":              func(t *testing.T, s SharedStore) { testSendAfterClose(t, joined{s}) },
		"all kinds of work come back as they were":     testKinds,
		"many processes receive everything":            testManyProcesses,
		"what a killed process held comes again":       testKilled,
		"acknowledged messages do not come again":      testAckedThenKilled,
		"acknowledging nothing or twice is harmless":   testSharedAckHarmless,
		"what is returned goes to another process":     testReturn,
		"what is sent for later comes later":           testSendLater,
		"what is buried is not received":               testBury,
		"the depth tells what waits":                   testDepth,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

func testKinds(t *testing.T, store SharedStore) {
	q := store.Join(t)
	want := map[string]task.Batch{
		"tasks": {Run: "tasks", Tasks: []task.Task{
			{Key: "gone", Action: task.Delete, Sequencer: "0055AED6DCD90281E5"},
			{Key: "failed", Size: 1 << 40, StorageClass: "STANDARD", Attempt: 3, Reason: "source: 503 \x00\uffff"},
		}},
		"parts":  {Run: "parts", Parts: []task.Part{{Upload: "u1", Number: 1}, {Upload: "u1", Number: 10_000, Attempt: 4, Reason: "timeout"}}},
		"orders": {Run: "orders", Orders: []task.Order{{Kind: task.OrderWatch, Upload: "u1", Token: "t", RollAt: 3000, Attempt: 1}}},
	}
	for _, batch := range want {
		send(t, q, batch)
	}
	got := map[string]task.Batch{}
	for len(got) < len(want) {
		message := receive(t, q)
		got[message.Batch.Run] = message.Batch
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received batches differ (-sent +received):\n%s", diff)
	}
}

// receiveRuns receives and acknowledges in each of the processes until every run was
// seen. A message may come more than once.
func receiveRuns(t *testing.T, processes []queue.Shared, runs []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all, done := context.WithCancel(ctx)
	defer done()
	var mu sync.Mutex
	left := map[string]bool{}
	for _, run := range runs {
		left[run] = true
	}
	var receiving sync.WaitGroup
	for _, q := range processes {
		receiving.Go(func() {
			for {
				message, err := q.Receive(all)
				if err != nil {
					return
				}
				if err := q.Ack(ctx, message); err != nil {
					t.Errorf("Ack: %v", err)
				}
				mu.Lock()
				delete(left, message.Batch.Run)
				if len(left) == 0 {
					done()
				}
				mu.Unlock()
			}
		})
	}
	receiving.Wait()
	if len(left) > 0 {
		t.Errorf("%d batches were not received: %v", len(left), slices.Sorted(maps.Keys(left)))
	}
}

func testManyProcesses(t *testing.T, store SharedStore) {
	const senders, each = 4, 25
	finder := store.Join(t)
	var runs []string
	var sending sync.WaitGroup
	for s := range senders {
		for i := range each {
			runs = append(runs, fmt.Sprintf("run-%d-%03d", s, i))
		}
		sending.Go(func() {
			for i := range each {
				if err := finder.Send(t.Context(), batch(fmt.Sprintf("run-%d-%03d", s, i), 3)); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	sending.Wait()
	closeQueue(t, finder)
	receiveRuns(t, []queue.Shared{store.Join(t), store.Join(t), store.Join(t)}, runs)
}

func testKilled(t *testing.T, store SharedStore) {
	first := store.Join(t)
	runs := sendMany(t, first, 15)
	names := map[string]string{}
	for range 8 { // some delivered, some received ahead, some untouched
		message := receive(t, first)
		names[message.Name] = message.Batch.Run
	}
	store.Kill(t, first)
	second := store.Join(t)
	left := map[string]bool{}
	for _, run := range runs {
		left[run] = true
	}
	for len(left) > 0 {
		message := receive(t, second)
		delete(left, message.Batch.Run)
		if run, before := names[message.Name]; before && (run != message.Batch.Run || !message.Redelivered) {
			t.Errorf("message %s of run %q comes again as run %q, redelivered %t", message.Name, run, message.Batch.Run, message.Redelivered)
		}
		delete(names, message.Name)
		if err := second.Ack(t.Context(), message); err != nil {
			t.Errorf("Ack: %v", err)
		}
	}
	if len(names) > 0 {
		t.Errorf("messages changed their names: %v", names)
	}
}

func testAckedThenKilled(t *testing.T, store SharedStore) {
	first := store.Join(t)
	runs := sendMany(t, first, 6)
	acknowledged := receive(t, first)
	if err := first.Ack(t.Context(), acknowledged); err != nil {
		t.Fatalf("Ack: %v", err)
	}
	closeQueue(t, first)
	store.Kill(t, first)
	second := store.Join(t)
	runs = slices.DeleteFunc(runs, func(run string) bool { return run == acknowledged.Batch.Run })
	left := map[string]bool{}
	for _, run := range runs {
		left[run] = true
	}
	for len(left) > 0 {
		message := receive(t, second)
		if message.Name == acknowledged.Name {
			t.Error("an acknowledged message came again")
		}
		delete(left, message.Batch.Run)
		if err := second.Ack(t.Context(), message); err != nil {
			t.Errorf("Ack: %v", err)
		}
	}
}

func testSharedAckHarmless(t *testing.T, store SharedStore) {
	q := store.Join(t)
	sendMany(t, q, 2)
	message := receive(t, q)
	for _, messages := range [][]queue.Message{{}, {message}, {message, message}, {{ID: "of another process"}}} {
		if err := q.Ack(t.Context(), messages...); err != nil {
			t.Errorf("Ack of %d messages: %v", len(messages), err)
		}
	}
	closeQueue(t, q)
	if other := receive(t, q); other.Batch.Run == message.Batch.Run {
		t.Errorf("received run %q again", other.Batch.Run)
	}
}

func testReturn(t *testing.T, store SharedStore) {
	first := store.Join(t)
	send(t, first, batch("given back", 1))
	message := receive(t, first)
	if message.Redelivered {
		t.Error("the first delivery says that it is another")
	}
	if err := first.Return(t.Context(), message); err != nil {
		t.Fatalf("Return: %v", err)
	}
	store.Kill(t, first) // or it might receive the message itself
	again := receive(t, store.Join(t))
	if again.Name != message.Name || !again.Redelivered {
		t.Errorf("received %+v, want message %s, redelivered", again, message.Name)
	}
}

func testSendLater(t *testing.T, store SharedStore) {
	q := store.Join(t)
	const delay = 1500 * time.Millisecond
	began := time.Now()
	if err := q.SendLater(t.Context(), batch("later", 1), delay); err != nil {
		t.Fatalf("SendLater: %v", err)
	}
	if message := receive(t, q); message.Batch.Run != "later" || time.Since(began) < delay {
		t.Errorf("received run %q after %v, want it after %v", message.Batch.Run, time.Since(began), delay)
	}
}

func testBury(t *testing.T, store SharedStore) {
	q := store.Join(t)
	for name, letter := range map[string]queue.Letter{
		"batch":   {Reason: "denied \x00\uffff", Batch: batch("dead", 3), At: time.Now()},
		"large":   {Reason: "denied", Batch: batch("dead", 1000), At: time.Now()},
		"foreign": {Reason: "unknown", Foreign: []byte("\x00\xff"), At: time.Now()},
	} {
		if err := q.Bury(t.Context(), letter); err != nil {
			t.Errorf("Bury of %s: %v", name, err)
		}
	}
	send(t, q, batch("alive", 1))
	if message := receive(t, q); message.Batch.Run != "alive" {
		t.Errorf("received %+v, want the batch that was sent", message)
	}
}

func testDepth(t *testing.T, store SharedStore) {
	q := store.Join(t)
	sendMany(t, q, 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var depth queue.Depth
	for ctx.Err() == nil { // it is about right, after a while
		var err error
		if depth, err = q.Depth(ctx); err != nil {
			t.Fatalf("Depth: %v", err)
		}
		if depth == (queue.Depth{Waiting: 3}) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Errorf("the depth is %+v, want 3 waiting", depth)
}
