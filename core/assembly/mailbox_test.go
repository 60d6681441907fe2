package assembly_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
)

// mailbox is a queue by the fleet's clock.
type mailbox struct {
	clock *clock

	mu      sync.Mutex
	sent    int
	waiting []letter
	log     []task.Batch // all that was ever sent
}

type letter struct {
	name  string
	batch task.Batch
	due   time.Time
}

func (m *mailbox) Send(ctx context.Context, batch task.Batch) error {
	return m.SendLater(ctx, batch, 0)
}

func (m *mailbox) SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent++
	m.waiting = append(m.waiting, letter{fmt.Sprint("message ", m.sent), batch, m.clock.now().Add(delay)})
	m.log = append(m.log, batch)
	return ctx.Err()
}

func (m *mailbox) Depth(ctx context.Context) (queue.Depth, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return queue.Depth{Waiting: int64(len(m.waiting))}, ctx.Err()
}

// take returns the first message that is due.
func (m *mailbox) take() (letter, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, one := range m.waiting {
		if !one.due.After(m.clock.now()) {
			m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
			return one, true
		}
	}
	return letter{}, false
}

// giveBack has a message come again after its visibility timeout.
func (m *mailbox) giveBack(one letter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one.due = m.clock.now().Add(30 * time.Second)
	m.waiting = append(m.waiting, one)
}

func (m *mailbox) isEmpty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting) == 0
}

// drop forgets all messages, as when each was received too often.
func (m *mailbox) drop() (dropped []letter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dropped, m.waiting = m.waiting, nil
	return dropped
}

// watch does what infra/cloudformation/giant.asl.json says, by the fleet's clock.
type watch struct {
	fleet *fleet

	mu         sync.Mutex
	executions map[string]*execution // by name; they stay for ever
	polls      map[string]int        // by object
	tokens     int
	succeeded  int
	refused    []string
}

type execution struct {
	id     string
	rollAt int
	ended  bool
	token  string    // of the order that is waited for
	beaten time.Time // when the order was sent or last said to be worked on
}

const (
	heartbeat = 15 * time.Minute
	rollAt    = 40
)

func (w *watch) Start(ctx context.Context, id string, generation, rollAt int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := fmt.Sprintf("%s-%d", id, generation)
	if _, known := w.executions[name]; !known {
		w.executions[name] = &execution{id: id, rollAt: rollAt}
	}
	return ctx.Err()
}

func (w *watch) waiting(token string) *execution {
	for _, e := range w.executions {
		if e.token == token {
			return e
		}
	}
	return nil
}

func (w *watch) Succeed(ctx context.Context, token string) error { return w.answer(ctx, token, "") }

func (w *watch) Refuse(ctx context.Context, token string, _ bool, reason string) error {
	return w.answer(ctx, token, reason)
}

func (w *watch) answer(ctx context.Context, token, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.waiting(token)
	if e == nil {
		return assembly.ErrNotFound
	}
	e.token = ""
	if reason == "" {
		w.succeeded++
	} else {
		w.refused = append(w.refused, reason)
	}
	return ctx.Err()
}

func (w *watch) Beat(ctx context.Context, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.waiting(token)
	if e == nil {
		return assembly.ErrNotFound
	}
	e.beaten = w.fleet.clock.now()
	return ctx.Err()
}

func (w *watch) isIdle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.executions {
		if !e.ended {
			return false
		}
	}
	return true
}

// running returns how many executions watch.
func (w *watch) running() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.executions {
		if !e.ended {
			n++
		}
	}
	return n
}

// poll has every execution look at its object once.
func (w *watch) poll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.executions {
		if e.token != "" && w.fleet.clock.now().Sub(e.beaten) >= heartbeat {
			e.token = ""
		}
		if !e.ended && e.token == "" {
			w.look(e)
		}
	}
}

func (w *watch) look(e *execution) {
	ctx := w.fleet.t.Context()
	upload, err := w.fleet.store.Get(ctx, e.id)
	if err != nil {
		w.fleet.t.Errorf("watched but not on record: %s", e.id)
	}
	w.polls[e.id]++
	order := task.Order{Upload: e.id}
	switch {
	case upload.State == assembly.Done || upload.State == assembly.Aborted:
		e.ended = true
		return
	case w.polls[e.id] >= e.rollAt:
		e.ended = true
		order.Kind, order.RollAt = task.OrderWatch, w.polls[e.id]+rollAt
	case upload.State == assembly.Open:
		return
	default:
		w.tokens++
		e.token, e.beaten = fmt.Sprint("token ", w.tokens), w.fleet.clock.now()
		order.Kind, order.Token = task.OrderComplete, e.token
		if upload.State == assembly.Failed {
			order.Kind = task.OrderAbort
		}
	}
	if err := w.fleet.queue.Send(ctx, task.Batch{Orders: []task.Order{order}}); err != nil {
		w.fleet.t.Error(err)
	}
}
