package assembly_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

var errKilled = errors.New("the process was killed")

// fuse kills a process at its n-th step: a call of the store of records, the queue, the
// watch, the settler or the destination.
type fuse struct {
	mu    sync.Mutex
	at    int  // the step; 0 for none
	after bool // when the step was taken, but not answered; otherwise before it
	steps int
	kill  func()
	burnt bool // the process is dead
	spent bool // it killed one: the next one lives
}

// arm gives the fuse the process to kill.
func (f *fuse) arm(kill func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kill, f.burnt = kill, false
}

// burn counts a step and says whether it is the last one.
func (f *fuse) burn() (last, dead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps++
	if f.burnt {
		return false, true
	}
	if f.at == 0 || f.spent || f.steps < f.at {
		return false, false
	}
	f.burnt, f.spent = true, true
	return true, false
}

// step takes one step unless the process is dead.
func (f *fuse) step(take func() error) error {
	last, dead := f.burn()
	if dead {
		return errKilled
	}
	if !last {
		return take()
	}
	if f.after {
		_ = take()
	}
	f.kill()
	return errKilled
}

// strike is the fuse in a store's server.
func (f *fuse) strike(next http.Handler) http.Handler {
	lost := memdriver.LoseAnswer()(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last, dead := f.burn()
		if !last && !dead {
			next.ServeHTTP(w, r)
			return
		}
		if last {
			if f.after {
				func() {
					defer func() { _ = recover() }() // it breaks the connection, which is to outlive the process
					lost.ServeHTTP(w, r)
				}()
			}
			f.kill()
		}
		panic(http.ErrAbortHandler)
	})
}

func step[T any](f *fuse, take func() (T, error)) (got T, err error) {
	err = f.step(func() (err error) {
		got, err = take()
		return err
	})
	return got, err
}

type owned struct {
	upload assembly.Upload
	mine   bool
}

type brittleStore struct {
	assembly.Store
	fuse *fuse
}

func (s brittleStore) Create(ctx context.Context, upload assembly.Upload, owner string, lease time.Duration) (assembly.Upload, bool, error) {
	got, err := step(s.fuse, func() (owned, error) {
		upload, mine, err := s.Store.Create(ctx, upload, owner, lease)
		return owned{upload, mine}, err
	})
	return got.upload, got.mine, err
}

func (s brittleStore) Begin(ctx context.Context, id, owner string, record journal.Upload) error {
	return s.fuse.step(func() error { return s.Store.Begin(ctx, id, owner, record) })
}

func (s brittleStore) Get(ctx context.Context, id string) (assembly.Upload, error) {
	return step(s.fuse, func() (assembly.Upload, error) { return s.Store.Get(ctx, id) })
}

func (s brittleStore) RecordPart(ctx context.Context, id string, part journal.Part) (assembly.Progress, error) {
	return step(s.fuse, func() (assembly.Progress, error) { return s.Store.RecordPart(ctx, id, part) })
}

func (s brittleStore) DropParts(ctx context.Context, id string, numbers []int) error {
	return s.fuse.step(func() error { return s.Store.DropParts(ctx, id, numbers) })
}

func (s brittleStore) Parts(ctx context.Context, id string) ([]journal.Part, error) {
	return step(s.fuse, func() ([]journal.Part, error) { return s.Store.Parts(ctx, id) })
}

func (s brittleStore) Claim(ctx context.Context, id string, from, to assembly.State, owner string, lease time.Duration) (assembly.Upload, bool, error) {
	got, err := step(s.fuse, func() (owned, error) {
		upload, mine, err := s.Store.Claim(ctx, id, from, to, owner, lease)
		return owned{upload, mine}, err
	})
	return got.upload, got.mine, err
}

func (s brittleStore) Extend(ctx context.Context, id, owner string, lease time.Duration) (bool, error) {
	return step(s.fuse, func() (bool, error) { return s.Store.Extend(ctx, id, owner, lease) })
}

func (s brittleStore) Fail(ctx context.Context, id, reason string) error {
	return s.fuse.step(func() error { return s.Store.Fail(ctx, id, reason) })
}

func (s brittleStore) Finish(ctx context.Context, id string, state assembly.State, reason string) error {
	return s.fuse.step(func() error { return s.Store.Finish(ctx, id, state, reason) })
}

func (s brittleStore) Roll(ctx context.Context, id string, generation int) (bool, error) {
	return step(s.fuse, func() (bool, error) { return s.Store.Roll(ctx, id, generation) })
}

func (s brittleStore) Unfinished(ctx context.Context) ([]assembly.Upload, error) {
	return step(s.fuse, func() ([]assembly.Upload, error) { return s.Store.Unfinished(ctx) })
}

type brittleQueue struct {
	assembly.Sender
	fuse *fuse
}

func (q brittleQueue) Send(ctx context.Context, batch task.Batch) error {
	return q.fuse.step(func() error { return q.Sender.Send(ctx, batch) })
}

func (q brittleQueue) SendLater(ctx context.Context, batch task.Batch, delay time.Duration) error {
	return q.fuse.step(func() error { return q.Sender.SendLater(ctx, batch, delay) })
}

func (q brittleQueue) Depth(ctx context.Context) (queue.Depth, error) {
	return step(q.fuse, func() (queue.Depth, error) { return q.Sender.Depth(ctx) })
}

type brittleWatch struct {
	assembly.Watch
	fuse *fuse
}

func (w brittleWatch) Start(ctx context.Context, id string, generation, rollAt int) error {
	return w.fuse.step(func() error { return w.Watch.Start(ctx, id, generation, rollAt) })
}

func (w brittleWatch) Succeed(ctx context.Context, token string) error {
	return w.fuse.step(func() error { return w.Watch.Succeed(ctx, token) })
}

func (w brittleWatch) Refuse(ctx context.Context, token string, transient bool, reason string) error {
	return w.fuse.step(func() error { return w.Watch.Refuse(ctx, token, transient, reason) })
}

type brittleSettler struct {
	assembly.Settler
	fuse *fuse
}

func (s brittleSettler) Settle(ctx context.Context, upload assembly.Upload, record journal.Record) error {
	return s.fuse.step(func() error { return s.Settler.Settle(ctx, upload, record) })
}
