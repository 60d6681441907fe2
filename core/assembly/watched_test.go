package assembly_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestWatchFindsWhatACrashLeft kills a process at each of its steps and loses what it
// held: its message is never delivered again. Where all parts were sent, the watch
// alone brings the object to its end.
func TestWatchFindsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	found := 0
	for at, last := 1, false; !last; at++ {
		f := newFleet(t)
		f.begun(f.put("giant", content(2*partSize+1, 1)))
		f.fuse.at, f.fuse.steps = at, 0
		f.destination.Inject(memdriver.Fault{Effect: f.fuse.strike})
		worker := f.start()
		for m, ok := f.queue.take(); ok; m, ok = f.queue.take() {
			if worker.ctx.Err() != nil {
				worker = f.start()
			}
			f.deliver(worker, m)
			if f.fuse.spent {
				f.loseReturned()
			}
		}
		last = !f.fuse.spent
		all, err := f.store.Unfinished(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 || all[0].State == assembly.Open {
			continue // there is nothing to do for a watch
		}
		found++
		f.work()
		f.same()
		if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
			t.Errorf("killed at step %d: settled as %+v", at, got)
		}
	}
	if found < 4 {
		t.Errorf("only %d crashes left an object to the watch", found)
	}
}

// loseReturned forgets messages that come again later.
func (f *fleet) loseReturned() {
	f.queue.mu.Lock()
	defer f.queue.mu.Unlock()
	kept := f.queue.waiting[:0]
	for _, one := range f.queue.waiting {
		if !one.due.After(f.clock.now()) {
			kept = append(kept, one)
		}
	}
	f.queue.waiting = kept
}

// TestSweepFindsWhatACrashLeft kills a process at each of its steps, loses all
// messages and the watch: sweeping alone brings the object to its end.
func TestSweepFindsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at, last := 1, false; !last; at++ {
			f := newFleet(t)
			f.config.Idle = time.Nanosecond
			f.fuse.at, f.fuse.after = at, after
			f.destination.Inject(memdriver.Fault{Effect: f.fuse.strike})
			f.send(f.put("giant", content(2*partSize+1, 1)))
			killed := f.start()
			for m, ok := f.queue.take(); ok && killed.ctx.Err() == nil; m, ok = f.queue.take() {
				f.deliver(killed, m)
			}
			last = !f.fuse.spent
			f.queue.drop()
			all, err := f.store.Unfinished(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 0 {
				continue // not on record, or done
			}
			finder := f.start()
			for round := 0; round < 40 && len(all) > 0; round++ {
				f.clock.advance(time.Minute)
				if err := finder.Sweep(finder.ctx); err != nil {
					t.Errorf("killed at step %d: %v", at, err)
				}
				for m, ok := f.queue.take(); ok; m, ok = f.queue.take() {
					f.deliver(finder, m)
				}
				if all, err = f.store.Unfinished(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
				t.Errorf("settled as %+v", got)
			}
			if t.Failed() {
				t.Fatalf("killed at step %d, step taken: %v", at, after)
			}
		}
	}
}

// TestSweepLeavesWhatIsUnderWay: neither a young object nor one whose parts are in the
// queue is touched; one that is too old is given up.
func TestSweepLeavesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.config.Idle = time.Nanosecond
	worker, _ := f.begun(f.put("giant", content(3*partSize, 1)))
	sent := len(f.queue.log)
	sweep := func(p process) {
		t.Helper()
		if err := p.Sweep(p.ctx); err != nil {
			t.Error(err)
		}
	}
	sweep(worker)
	if len(f.queue.log) != sent {
		t.Error("parts that are in the queue were sent again")
	}
	f.queue.drop()
	f.config.Idle = time.Hour
	young := f.start()
	sweep(young)
	if len(f.queue.log) != sent {
		t.Error("a young object was touched")
	}
	f.config.Idle, f.config.GiveUp = time.Nanosecond, time.Nanosecond
	old := f.start()
	sweep(old)
	f.reported("giant", "not finished in the time")
}

// TestWatchHandsOver: however long an object takes, one execution watches it, and an
// order that comes twice starts one.
func TestWatchHandsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker, id := f.begun(f.put("giant", content(2*partSize, 1)))
	parts := f.queue.drop()
	for range 5 * rollAt {
		f.clock.advance(time.Minute)
		f.watch.poll()
		for m, ok := f.queue.take(); ok; m, ok = f.queue.take() {
			for range 3 {
				f.deliver(worker, m)
			}
		}
		if n := f.watch.running(); n != 1 {
			t.Fatalf("%d executions watch", n)
		}
	}
	upload, err := f.store.Get(t.Context(), id)
	if err != nil || upload.Generation < 6 {
		t.Errorf("generation %d, %v, after five hand-overs", upload.Generation, err)
	}
	f.queue.waiting = parts
	f.work()
	f.same()
}

// TestHeartbeatTimeoutThenSecondToken: the worker that got the order dies with it; after
// the heartbeats have stopped, the watch asks again, and the first token is stale.
func TestHeartbeatTimeoutThenSecondToken(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker, id := f.begun(f.put("giant", content(partSize, 1)))
	f.destination.Inject(memdriver.Fault{Call: "ListParts", Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
	for m, ok := f.queue.take(); ok; m, ok = f.queue.take() {
		f.deliver(worker, m) // the part arrives, the fast path fails
	}
	f.queue.drop()
	f.clock.advance(time.Minute)
	f.watch.poll()
	first, _ := f.queue.take() // and nobody works on it
	f.clock.advance(heartbeat)
	f.watch.poll()
	if f.watch.tokens != 2 {
		t.Fatalf("%d tokens, want a second one", f.watch.tokens)
	}
	f.work()
	f.same()
	f.deliver(worker, first)
	if !f.queue.isEmpty() {
		t.Error("the order with the stale token comes again")
	}
	if upload, err := f.store.Get(t.Context(), id); err != nil || upload.State != assembly.Done {
		t.Errorf("state %s, %v", upload.State, err)
	}
}

// TestRefusedOrderIsAskedForAgain: a completion that fails for a while is refused and
// asked for at the next poll.
func TestRefusedOrderIsAskedForAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker, _ := f.begun(f.put("giant", content(partSize, 1)))
	f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 9, Effect: memdriver.Fail(503, "SlowDown")})
	m, _ := f.queue.take()
	f.deliver(worker, m)
	f.queue.drop()
	f.work()
	f.same()
	if len(f.watch.refused) != 2 || f.watch.succeeded != 1 {
		t.Errorf("refused %q, succeeded %d times; want twice and once", f.watch.refused, f.watch.succeeded)
	}
}

// TestAbortOrderOfAnObjectThatIsReadyCompletesIt: the record decides, not the order.
func TestAbortOrderOfAnObjectThatIsReadyCompletesIt(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "ListParts", Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
	worker, id := f.begun(f.put("giant", content(partSize, 1)))
	m, _ := f.queue.take()
	f.deliver(worker, m)
	f.queue.drop()
	if err := worker.Order(worker.ctx, task.Order{Kind: task.OrderAbort, Upload: id}); err != nil {
		t.Error(err)
	}
	f.work()
	f.same()
}
