package assembly_test

import (
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// held is a fleet whose only object is being completed by an order: its completion
// waits for the test.
func held(t *testing.T) (f *fleet, id string, release, done chan struct{}) {
	t.Helper()
	f = newFleet(t)
	f.config.Beat = time.Millisecond
	worker, id := f.begun(f.put("giant", content(partSize, 1)))
	f.destination.Inject(memdriver.Fault{Call: "ListParts", Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
	part, _ := f.queue.take()
	f.deliver(worker, part) // it arrives, but cannot be joined
	f.queue.drop()
	f.clock.advance(time.Minute)
	f.watch.poll()
	order, _ := f.queue.take()
	if len(order.batch.Orders) != 1 || order.batch.Orders[0].Kind != task.OrderComplete {
		t.Fatalf("the watch sent %+v", order.batch)
	}
	release, done = make(chan struct{}), make(chan struct{})
	arrived := make(chan struct{})
	f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Do(func() {
		close(arrived)
		<-release
	})})
	go func() {
		defer close(done)
		f.deliver(worker, order)
	}()
	<-arrived
	return f, id, release, done
}

// TestLongCompletionKeepsItsLeaseAndToken: while a worker completes, its lease is extended
// and its order beats, so nobody else is asked, and nobody else gets it.
func TestLongCompletionKeepsItsLeaseAndToken(t *testing.T) {
	t.Parallel()
	f, id, release, done := held(t)
	other := f.start()
	for range 5 { // each of them longer than the lease and the heartbeat timeout
		f.clock.advance(10 * time.Minute)
		f.awaitBeat(id)
		f.watch.poll()
		if err := other.Order(other.ctx, task.Order{Kind: task.OrderComplete, Upload: id}); err != nil {
			t.Error(err)
		}
	}
	if f.watch.tokens != 1 {
		t.Errorf("%d tokens were given, want one", f.watch.tokens)
	}
	close(release)
	<-done
	f.work()
	f.same()
	if n := f.destination.Count("CompleteUpload"); n != 1 {
		t.Errorf("completed %d times", n)
	}
}

// awaitBeat waits until the holder has beaten and extended its lease by the present clock.
func (f *fleet) awaitBeat(id string) {
	f.t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		upload, err := f.store.Get(f.t.Context(), id)
		if err != nil {
			f.t.Fatal(err)
		}
		f.watch.mu.Lock()
		beaten := false
		for _, e := range f.watch.executions {
			beaten = beaten || e.beaten.Equal(f.clock.now())
		}
		f.watch.mu.Unlock()
		if beaten && upload.Lease.Sub(f.clock.now()) == 15*time.Minute {
			return
		}
		<-ticker.C
	}
}

// TestLostLeaseEndsTheWork: a worker that was away for longer than its lease finds that
// another has completed the object, and settles nothing.
func TestLostLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	f, id, release, done := held(t)
	var once sync.Once
	defer once.Do(func() { close(release) })
	if err := f.store.Finish(t.Context(), id, assembly.Aborted, "by another"); err != nil {
		t.Fatal(err)
	}
	<-done // although its completion is not answered
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, record := range f.settled["giant"] {
		if record.Outcome == journal.OutcomeDone {
			t.Errorf("settled as %+v without a lease", record)
		}
	}
}
