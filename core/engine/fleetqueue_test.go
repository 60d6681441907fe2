package engine_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// memQueue is a queue.Shared in memory. Nothing in it depends on the clock: what is sent
// for later comes when nothing else is left, and a hold ends when the test says so.
type memQueue struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	sent    int
	waiting []*parcelOf
	later   []*parcelOf
	held    map[string]*parcelOf // by receipt
	buried  []queue.Letter
	journey []string                               // what was done to which message, in order
	refuse  func(did, message string, n int) error // asked before it is done, n counting from 1; may be nil
	parked  int                                    // how many messages were sent for later
	stops   int                                    // how many processes stopped receiving
	onDepth func()                                 // told of each Depth; may be nil
	onSend  func(task.Batch)                       // told of each batch; may be nil
	asked   map[string]int
}

// parcelOf is one message and how often it was delivered.
type parcelOf struct {
	name       string
	batch      task.Batch
	foreign    []byte
	sent       time.Time
	pause      time.Duration
	deliveries int
}

func newMemQueue() *memQueue {
	return &memQueue{changed: make(chan struct{}), held: map[string]*parcelOf{}, asked: map[string]int{}}
}

// endpoint is the queue as one process sees it.
type endpoint struct {
	*memQueue
	stopped bool
}

func (q *memQueue) join() queue.Shared { return &endpoint{memQueue: q} }

func (q *memQueue) note() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *memQueue) may(did, message string) error {
	q.asked[did]++
	q.journey = append(q.journey, did+" "+message)
	if q.refuse == nil {
		return nil
	}
	return q.refuse(did, message, q.asked[did])
}

func (q *memQueue) Send(ctx context.Context, batch task.Batch) error {
	return q.SendLater(ctx, batch, 0)
}

func (q *memQueue) SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.may("send", batch.Run); err != nil {
		return err
	}
	batch.Tasks, batch.Parts, batch.Orders = slices.Clone(batch.Tasks), slices.Clone(batch.Parts), slices.Clone(batch.Orders)
	if q.onSend != nil {
		q.onSend(batch)
	}
	q.put(&parcelOf{batch: batch, pause: delay})
	return nil
}

// put adds a message; mu is held.
func (q *memQueue) put(m *parcelOf) {
	q.sent++
	m.name = fmt.Sprint("m", q.sent)
	if m.sent.IsZero() {
		m.sent = time.Now()
	}
	if m.pause > 0 {
		q.later, q.parked = append(q.later, m), q.parked+1
	} else {
		q.waiting = append(q.waiting, m)
	}
	q.note()
}

// deliver adds a message as somebody else sent it.
func (q *memQueue) deliver(m *parcelOf) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(m)
}

func (q *memQueue) Bury(ctx context.Context, letter queue.Letter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.may("bury", letter.Reason); err != nil {
		return err
	}
	q.buried = append(q.buried, letter)
	return nil
}

func (e *endpoint) Receive(ctx context.Context) (queue.Message, error) {
	for {
		e.mu.Lock()
		if e.stopped {
			e.mu.Unlock()
			return queue.Message{}, io.EOF
		}
		if len(e.waiting) == 0 && len(e.held) == 0 && len(e.later) > 0 {
			e.waiting, e.later = e.later, nil
		}
		if len(e.waiting) > 0 && ctx.Err() == nil {
			m := e.waiting[0]
			e.waiting = e.waiting[1:]
			m.deliveries++
			receipt := fmt.Sprintf("%s/%d", m.name, m.deliveries)
			e.held[receipt] = m
			e.note()
			e.mu.Unlock()
			return queue.Message{
				ID: receipt, Name: m.name, Batch: m.batch, Foreign: m.foreign, Sent: m.sent, Redelivered: m.deliveries > 1,
			}, nil
		}
		changed := e.changed
		e.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return queue.Message{}, ctx.Err()
		}
	}
}

func (q *memQueue) Ack(_ context.Context, messages ...queue.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, message := range messages {
		m := q.held[message.ID]
		if m == nil {
			continue
		}
		if err := q.may("ack", m.name); err != nil {
			delete(q.held, message.ID) // the answer is lost, and the hold ends
			q.waiting = append(q.waiting, m)
			q.note()
			return err
		}
		delete(q.held, message.ID)
		q.note()
	}
	return nil
}

func (q *memQueue) Return(_ context.Context, messages ...queue.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, message := range messages {
		q.giveBack(message.ID, "return")
	}
	return nil
}

func (q *memQueue) giveBack(receipt, did string) {
	if m := q.held[receipt]; m != nil {
		_ = q.may(did, m.name) // giving back is never refused
		delete(q.held, receipt)
		q.waiting = append(q.waiting, m)
		q.note()
	}
}

// lose ends the hold on a message: somebody else may have it now.
func (q *memQueue) lose(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for receipt, m := range q.held {
		if m.name == name {
			q.giveBack(receipt, "lose")
		}
	}
}

// drop takes a message away as SQS does that was received too often.
func (q *memQueue) drop(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(m *parcelOf) bool { return m.name == name })
	q.note()
}

func (q *memQueue) Held(message queue.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held[message.ID] != nil
}

func (e *endpoint) Stop(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped, e.stops = true, e.stops+1
	e.note()
	return nil
}

func (q *memQueue) Close() error { return nil }

func (q *memQueue) Depth(ctx context.Context) (queue.Depth, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.onDepth != nil {
		q.onDepth()
	}
	return queue.Depth{Waiting: int64(len(q.waiting)), Delayed: int64(len(q.later)), Held: int64(len(q.held))}, ctx.Err()
}

// await waits until the condition holds, which is asked for with mu held.
func (q *memQueue) await(ctx context.Context, is func() bool) error {
	for {
		q.mu.Lock()
		done, changed := is(), q.changed
		q.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isEmpty says that nothing is left at all; mu is held.
func (q *memQueue) isEmpty() bool { return len(q.waiting)+len(q.later)+len(q.held) == 0 }

// steps returns what was done to messages, in order.
func (q *memQueue) steps() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.journey)
}

// letters returns the dead letters.
func (q *memQueue) letters() []queue.Letter {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.buried)
}
