package assembly_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/memdriver"
)

func TestGiantArrivesWhole(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{
		"one part":                        1,
		"a full part":                     partSize,
		"one byte more":                   partSize + 1,
		"several parts":                   5*partSize + 17,
		"a multiple of the size of parts": 7 * partSize,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.send(f.put("dir/giant", content(size, 1)))
			f.work()
			f.same()
			record := f.outcome("dir/giant")
			if record.Outcome != journal.OutcomeDone || record.Grade != journal.GradeBoth || record.Size != int64(size) || record.Checksum.IsZero() {
				t.Errorf("settled as %+v, want done with evidence from both ends", record)
			}
			if n := f.destination.Count("CompleteUpload"); n != 1 {
				t.Errorf("completed %d times", n)
			}
		})
	}
}

// TestMessagesMayComeTwiceAndInAnyOrder: every message is delivered up to three times and
// shuffled, to three workers in turn.
func TestMessagesMayComeTwiceAndInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			random := rand.New(rand.NewPCG(seed, 1))
			for n := range 3 {
				f.send(f.put(fmt.Sprint("giant ", n), content(4*partSize+n, byte(n))))
			}
			workers := []process{f.start(), f.start(), f.start()}
			for round := 0; round < 200 && (!f.queue.isEmpty() || !f.watch.isIdle()); round++ {
				due := f.queue.due()
				for _, m := range due {
					for range random.IntN(3) {
						due = append(due, m)
					}
				}
				random.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
				for _, m := range due {
					f.deliver(workers[random.IntN(len(workers))], m)
				}
				f.clock.advance(60e9)
				f.watch.poll()
			}
			f.same()
			for n := range 3 {
				if got := f.outcome(fmt.Sprint("giant ", n)); got.Outcome != journal.OutcomeDone {
					t.Errorf("settled as %+v", got)
				}
			}
			if n := f.destination.Count("CompleteUpload"); n != 3 {
				t.Errorf("3 objects were completed %d times", n)
			}
		})
	}
}

// due takes all messages that are due.
func (m *mailbox) due() (all []letter) {
	for {
		one, ok := m.take()
		if !ok {
			return all
		}
		all = append(all, one)
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, fields := range [][4]string{{"a", "b", "", "r"}, {"ab", "", "", "r"}, {"a", "", "b", "r"}, {"a", "b", "r", ""}, {"", "", "", ""}} {
		for attempt := range 3 {
			id, what := assembly.NewID(fields[0], fields[1], fields[2], fields[3], attempt), fmt.Sprintf("%q %d", fields, attempt)
			if len(id) != 32 || id != assembly.NewID(fields[0], fields[1], fields[2], fields[3], attempt) {
				t.Errorf("ID %q of %s", id, what)
			}
			if other, taken := seen[id]; taken {
				t.Errorf("%s and %s share an ID", what, other)
			}
			seen[id] = what
		}
	}
}

func TestPartsThatMakeNoSenseAreIgnored(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	object := f.put("giant", content(2*partSize, 1))
	f.send(object)
	worker := f.start()
	m, _ := f.queue.take()
	f.deliver(worker, m)
	id := assembly.NewID(object.Key, object.ETag, "", run, 0)
	for _, part := range []task.Part{{Upload: id, Number: 0}, {Upload: id, Number: 3}, {Upload: "unknown", Number: 1}} {
		if err := worker.Part(worker.ctx, part); err != nil {
			t.Errorf("%+v: %v", part, err)
		}
	}
	if err := worker.Order(worker.ctx, task.Order{Kind: "mpu-dance", Upload: id}); err == nil {
		t.Error("an unknown order was taken")
	}
	for _, kind := range []task.OrderKind{task.OrderComplete, task.OrderAbort, task.OrderWatch} {
		if err := worker.Order(worker.ctx, task.Order{Kind: kind, Upload: "unknown", Token: "stale"}); err != nil {
			t.Errorf("%s of an unknown object: %v", kind, err)
		}
		if err := worker.Order(worker.ctx, task.Order{Kind: kind, Upload: id, Token: "stale"}); err != nil {
			t.Errorf("%s of an open object: %v", kind, err)
		}
	}
	f.work()
	f.same()
}

// TestCrashBetweenAnyTwoSteps kills a process at each of its steps, before the step or
// before its answer, and has the next one go on.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at, last := 1, false; !last; at++ {
			f := newFleet(t)
			f.fuse.at, f.fuse.after = at, after
			f.destination.Inject(memdriver.Fault{Effect: f.fuse.strike})
			f.send(f.put("giant", content(3*partSize+1, 1)))
			f.work()
			last = !f.fuse.spent
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
				t.Errorf("settled as %+v", got)
			}
			// One more is begun where a crash hid the first.
			if n := f.destination.Count("CreateUpload"); n > 2 || f.destination.Count("CompleteUpload") > 2 {
				t.Errorf("begun %d times, completed %d times", n, f.destination.Count("CompleteUpload"))
			}
			if n := f.destination.Count("Part"); n > 2*4 {
				t.Errorf("%d parts were sent of 4", n)
			}
			if t.Failed() {
				t.Fatalf("killed at step %d, step taken: %v", at, after)
			}
			if last {
				t.Logf("killed at each of %d steps, step taken: %v", at-1, after)
			}
		}
	}
}
