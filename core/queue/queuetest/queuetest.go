// Package queuetest checks that an implementation of queue.Queue keeps its
// contract. Every implementation runs it.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// Store is one place where messages lie, empty at first.
type Store interface {
	// Open returns the store's queue as a new process sees it. What an earlier one
	// opened is not used any more.
	Open(t testing.TB) queue.Queue
}

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// Run checks the contract. It calls newStore for each test.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	tests := map[string]func(*testing.T, Store){
		"a batch comes back as it was sent":            testRoundTrip,
		"receive waits for a batch":                    testReceiveWaits,
		"receive ends with its context":                testReceiveCancelled,
		"close wakes those who wait":                   testCloseWakes,
		"close lets the rest be received":              testCloseDrains,
		"nothing can be sent after close":              testSendAfterClose,
		"each message goes to one receiver":            testConcurrent,
		"unacknowledged messages come again":           testRedelivery,
		"acknowledged messages never come again":       testAck,
		"acknowledging nothing or twice is harmless":   testAckHarmless,
		"a failed send leaves nothing":                 testSendCancelled,
		"messages sent to an emptied queue are found":  testRefill,
		"a batch of hostile keys comes back unchanged": testHostileKeys,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

func testRoundTrip(t *testing.T, store Store) {
	q := store.Open(t)
	want := batch("run", 100)
	send(t, q, want)
	if diff := cmp.Diff(want, receive(t, q).Batch); diff != "" {
		t.Errorf("received batch differs (-sent +received):\n%s", diff)
	}
}

func testHostileKeys(t *testing.T, store Store) {
	q := store.Open(t)
	want := task.Batch{Run: "r\x00n", Pair: "1f3a", Tasks: []task.Task{
		{Key: ""}, {Key: "\x00"}, {Key: "\xff\xfe"}, {Key: "a//b/../c"}, {Key: "\"quoted\\\"\r\n"},
		{Key: "ключ/鍵/🔑", ETag: "W/\"\xff\"", VersionID: "null", Size: -1, Modified: time.Unix(0, 1).UTC()},
	}}
	send(t, q, want)
	if diff := cmp.Diff(want, receive(t, q).Batch); diff != "" {
		t.Errorf("received batch differs (-sent +received):\n%s", diff)
	}
}

func testReceiveWaits(t *testing.T, store Store) {
	q := store.Open(t)
	received := make(chan string)
	go func() {
		message, err := q.Receive(t.Context())
		if err != nil {
			t.Errorf("Receive: %v", err)
		}
		received <- message.Batch.Run
	}()
	send(t, q, batch("late", 1))
	select {
	case run := <-received:
		if run != "late" {
			t.Errorf("received batch of run %q, want %q", run, "late")
		}
	case <-time.After(patience):
		t.Fatal("Receive did not return the batch that was sent while it waited")
	}
}

func testReceiveCancelled(t *testing.T, store Store) {
	q := store.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := q.Receive(ctx)
		failed <- err
	}()
	cancel()
	select {
	case err := <-failed:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Receive returned %v, want context.Canceled", err)
		}
	case <-time.After(patience):
		t.Fatal("Receive did not return when its context ended")
	}
	send(t, q, batch("after", 1))
	if got := receive(t, q).Batch.Run; got != "after" {
		t.Errorf("received batch of run %q, want %q: a cancelled Receive took it", got, "after")
	}
}

func testCloseWakes(t *testing.T, store Store) {
	q := store.Open(t)
	const receivers = 8
	failed := make(chan error, receivers)
	for range receivers {
		go func() {
			_, err := q.Receive(t.Context())
			failed <- err
		}()
	}
	closeQueue(t, q)
	for range receivers {
		select {
		case err := <-failed:
			if !errors.Is(err, io.EOF) {
				t.Errorf("Receive returned %v, want io.EOF", err)
			}
		case <-time.After(patience):
			t.Fatal("Receive did not return when the queue was closed")
		}
	}
}

func testCloseDrains(t *testing.T, store Store) {
	q := store.Open(t)
	const messages = 30
	want := sendMany(t, q, messages)
	closeQueue(t, q)
	closeQueue(t, q)
	if diff := cmp.Diff(want, runsOf(drain(t, q))); diff != "" {
		t.Errorf("batches received after Close differ (-sent +received):\n%s", diff)
	}
	if _, err := q.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("Receive from a drained queue returned %v, want io.EOF again", err)
	}
}

func testSendAfterClose(t *testing.T, store Store) {
	q := store.Open(t)
	closeQueue(t, q)
	if err := q.Send(t.Context(), batch("late", 1)); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Send after Close returned %v, want queue.ErrClosed", err)
	}
}

func testConcurrent(t *testing.T, store Store) {
	q := store.Open(t)
	const senders, each, receivers = 8, 25, 8
	var sending, receiving sync.WaitGroup
	var mu sync.Mutex
	var got []string
	for range receivers {
		receiving.Go(func() {
			for {
				message, err := q.Receive(t.Context())
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Errorf("Receive: %v", err)
					return
				}
				if err := q.Ack(t.Context(), message); err != nil {
					t.Errorf("Ack: %v", err)
				}
				mu.Lock()
				got = append(got, message.Batch.Run)
				mu.Unlock()
			}
		})
	}
	var want []string
	for s := range senders {
		for i := range each {
			want = append(want, fmt.Sprintf("run-%d-%03d", s, i))
		}
		sending.Go(func() {
			for i := range each {
				if err := q.Send(t.Context(), batch(fmt.Sprintf("run-%d-%03d", s, i), 3)); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	sending.Wait()
	closeQueue(t, q)
	receiving.Wait()
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches differ (-sent +received):\n%s", diff)
	}
	q = store.Open(t)
	closeQueue(t, q)
	if left := runsOf(drain(t, q)); len(left) > 0 {
		t.Errorf("acknowledged batches came again: %q", left)
	}
}

func testRedelivery(t *testing.T, store Store) {
	q := store.Open(t)
	want := sendMany(t, q, 20)
	for range 12 { // some delivered, some loaded, some untouched
		receive(t, q)
	}
	q = store.Open(t)
	closeQueue(t, q)
	if diff := cmp.Diff(want, runsOf(drain(t, q))); diff != "" {
		t.Errorf("batches received by the next process differ (-sent +received):\n%s", diff)
	}
}

func testAck(t *testing.T, store Store) {
	q := store.Open(t)
	sent := sendMany(t, q, 20)
	var messages []queue.Message
	left := map[string]bool{}
	for _, run := range sent {
		left[run] = true
	}
	for range 15 {
		messages = append(messages, receive(t, q))
	}
	acknowledged := []queue.Message{messages[0], messages[3], messages[14]}
	if err := q.Ack(t.Context(), acknowledged...); err != nil {
		t.Fatalf("Ack: %v", err)
	}
	for _, message := range acknowledged {
		delete(left, message.Batch.Run)
	}
	q = store.Open(t)
	closeQueue(t, q)
	var want []string
	for run := range left {
		want = append(want, run)
	}
	sort.Strings(want)
	if diff := cmp.Diff(want, runsOf(drain(t, q))); diff != "" {
		t.Errorf("batches left differ (-unacknowledged +received):\n%s", diff)
	}
}

func testAckHarmless(t *testing.T, store Store) {
	q := store.Open(t)
	sendMany(t, q, 2)
	message := receive(t, q)
	for _, messages := range [][]queue.Message{{}, {message}, {message, message}} {
		if err := q.Ack(t.Context(), messages...); err != nil {
			t.Errorf("Ack of %d messages: %v", len(messages), err)
		}
	}
	closeQueue(t, q)
	if left := drain(t, q); len(left) != 1 {
		t.Errorf("%d messages left, want 1", len(left))
	}
}

func testSendCancelled(t *testing.T, store Store) {
	q := store.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := q.Send(ctx, batch("cancelled", 1))
	closeQueue(t, q)
	if got := len(drain(t, q)); (err == nil) != (got == 1) {
		t.Errorf("Send with an ended context returned %v and left %d messages", err, got)
	}
}

func testRefill(t *testing.T, store Store) {
	q := store.Open(t)
	for i := range 5 {
		run := fmt.Sprintf("run-%d", i)
		send(t, q, batch(run, 1))
		message := receive(t, q)
		if message.Batch.Run != run {
			t.Fatalf("received batch of run %q, want %q", message.Batch.Run, run)
		}
		if err := q.Ack(t.Context(), message); err != nil {
			t.Fatalf("Ack: %v", err)
		}
		q = store.Open(t)
	}
}

func batch(run string, tasks int) task.Batch {
	b := task.Batch{Run: run}
	for i := range tasks {
		b.Tasks = append(b.Tasks, task.Task{
			Key:       fmt.Sprintf("photos/2026/%04d.jpg", i),
			Size:      int64(i) << 20,
			ETag:      fmt.Sprintf("%032x", i*7919),
			VersionID: "v1",
			Modified:  time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC),
		})
	}
	return b
}

func send(t *testing.T, q queue.Queue, b task.Batch) {
	t.Helper()
	if err := q.Send(t.Context(), b); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

// sendMany sends batches and returns the names of their runs, ascending.
func sendMany(t *testing.T, q queue.Queue, count int) []string {
	t.Helper()
	var runs []string
	for i := range count {
		runs = append(runs, fmt.Sprintf("run-%03d", i))
		send(t, q, batch(runs[i], 2))
	}
	return runs
}

func receive(t *testing.T, q queue.Queue) queue.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	message, err := q.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return message
}

// drain receives until the end of a closed queue.
func drain(t *testing.T, q queue.Queue) []queue.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var messages []queue.Message
	for {
		message, err := q.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return messages
		}
		if err != nil {
			t.Fatalf("Receive: %v", err)
		}
		messages = append(messages, message)
	}
}

func runsOf(messages []queue.Message) []string {
	var runs []string
	for _, message := range messages {
		runs = append(runs, message.Batch.Run)
	}
	sort.Strings(runs)
	return runs
}

func closeQueue(t *testing.T, q queue.Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}
