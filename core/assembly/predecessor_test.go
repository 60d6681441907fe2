package assembly_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestPredecessorFleet9UploadOfAnotherKey, and D4 of the engine: the upload is known by its
// recorded ID alone. An open upload of a key that begins with ours, and one of another
// giant object of the same key, stay as they are when a crash hid our own ID. Shown to
// fail by leaving the IDs on record out of Assembler.abort. What Side.ListUploads
// returns of other keys is left alone twice, since an abort names the key as well.
func TestPredecessorFleet9UploadOfAnotherKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	counters := &observe.Counters{}
	copier := &transfer.Copier{Destination: f.side(transfer.Destination, f.destination, "dst", counters), Policy: policy, Counters: counters}
	if _, err := copier.OpenUpload(t.Context(), journal.Upload{Key: "file-v2", Intended: time.Now()}); err != nil {
		t.Fatal(err)
	}
	older := f.put("file", content(3*partSize, 1))
	_, first := f.begun(older)
	f.queue.drop()
	newer := f.put("file", content(3*partSize, 2))
	f.fuse.at, f.fuse.after, f.fuse.steps = 3, true, 0 // after Get and Create: CreateUpload
	f.destination.Inject(memdriver.Fault{Call: "CreateUpload", Effect: f.fuse.strike})
	f.send(newer)
	killed := f.start()
	m, _ := f.queue.take()
	f.deliver(killed, m)
	hidden, err := f.store.Get(t.Context(), assembly.NewID("file", newer.ETag, "", run, 0))
	if n := len(f.destination.Uploads("dst")); err != nil || hidden.Record.ID != "" || n != 3 {
		t.Fatalf("%d uploads are open after the crash, want three; %v, %+v", n, err, hidden)
	}
	f.clock.advance(time.Hour)
	next := f.start()
	m, _ = f.queue.take()
	f.deliver(next, m)
	begun, err := f.store.Get(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := f.store.Get(t.Context(), assembly.NewID("file", newer.ETag, "", run, 0))
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]string{}
	for _, upload := range f.destination.Uploads("dst") {
		open[upload.ID] = upload.Key
	}
	if len(open) != 3 || open[begun.Record.ID] != "file" || open[mine.Record.ID] != "file" {
		t.Errorf("uploads %v are open, want that of file-v2 and those on record, %s and %s", open, begun.Record.ID, mine.Record.ID)
	}
}

// TestPredecessorD8NoMixOfVersions: a part of another version never enters the upload,
// whoever copies it and whenever: each GET carries the ETag of the version, and each
// answer is compared with it. Shown to fail by leaving IfMatch out of Side.get and
// checkVersion out of checkRange.
func TestPredecessorD8NoMixOfVersions(t *testing.T) {
	t.Parallel()
	for arrived := range 4 {
		f := newFleet(t)
		f.begun(f.put("giant", content(4*partSize, 1)))
		worker := f.start()
		for range arrived {
			m, _ := f.queue.take()
			f.deliver(worker, m)
		}
		f.put("giant", content(4*partSize, 2)) // of the same size
		f.work()
		f.same()
	}
}

// TestPredecessorD10PartsAreStreamed: a part larger than the memory budget of the process
// is copied, because only its buffers are reserved. Shown to fail by reserving the
// length of the part in Copier.movePart.
func TestPredecessorD10PartsAreStreamed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.config.PartSize = 4 << 20 // the budget is 1 MiB
	f.send(f.put("giant", content(9<<20, 1)))
	f.work()
	f.same()
	if n := f.destination.Count("Part"); n != 3 {
		t.Errorf("copied in %d parts, want 3", n)
	}
}

// TestPredecessorFleet1AttemptsAreNeverReset: a part that fails for ever ends its object
// after five attempts, however often its messages are delivered. Shown to fail by not
// counting part.Attempt up in Assembler.partFailed.
func TestPredecessorFleet1AttemptsAreNeverReset(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.begun(f.put("giant", content(2*partSize, 1)))
	f.destination.Inject(memdriver.Fault{Call: "Part", Effect: memdriver.Fail(503, "SlowDown")})
	f.queue.waiting = append(f.queue.waiting, f.queue.waiting...) // each is delivered twice
	f.work()
	f.reported("giant", "SlowDown")
	if got := f.attempts(); got != 4 {
		t.Errorf("a part failed %d times before its last attempt, want 4", got)
	}
}

// TestPredecessorFleet3OwnersAndCompletersMeet: what the predecessor kept apart by a global gate
// is kept apart by leases. A thousand times, two workers take the same task, and two
// complete the same object, at the same instant. Shown to fail by having
// the store's Create and Claim give everybody the lease.
func TestPredecessorFleet3OwnersAndCompletersMeet(t *testing.T) {
	t.Parallel()
	const rounds = 1000
	f := newFleet(t)
	workers := []process{f.start(), f.start()}
	meet := func(do func(process) error) {
		var both sync.WaitGroup
		start := make(chan struct{})
		for _, worker := range workers {
			both.Go(func() {
				<-start
				if err := do(worker); err != nil && !strings.Contains(err.Error(), journal.ErrBusy.Error()) {
					t.Error(err)
				}
			})
		}
		close(start)
		both.Wait()
	}
	for round := range rounds {
		object := f.put(fmt.Sprint("giant ", round), content(2*partSize, byte(round)))
		meet(func(worker process) error {
			_, err := worker.Split(worker.ctx, object, run, "message", 7)
			return err
		})
		sent := f.queue.drop()
		if len(sent) != 2 || f.destination.Count("CreateUpload") != round+1 || f.watch.running() != 1 {
			t.Fatalf("round %d: %d parts sent of 2, %d uploads begun, %d executions", round, len(sent), f.destination.Count("CreateUpload"), f.watch.running())
		}
		f.deliver(workers[0], sent[0])
		id := sent[1].batch.Parts[0].Upload
		meet(func(worker process) error { return worker.Part(worker.ctx, sent[1].batch.Parts[0]) })
		meet(func(worker process) error {
			return worker.Order(worker.ctx, task.Order{Kind: task.OrderComplete, Upload: id})
		})
		if n := f.destination.Count("CompleteUpload"); n != round+1 || len(f.settled[object.Key]) != 1 {
			t.Fatalf("round %d: %d completions, settled %d times", round, n, len(f.settled[object.Key]))
		}
		f.watch.poll()
		f.queue.drop() // parts that met their completion
	}
	f.same()
}

// TestPredecessorFleet4HostileKeys, and D5 of the engine: messages are structures, so a key
// may hold what it likes. Shown to fail by putting keys into messages with Sprintf.
func TestPredecessorFleet4HostileKeys(t *testing.T) {
	t.Parallel()
	codec, err := task.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet(t)
	for n, key := range []string{`a"b`, `a\b`, `","bodyRange":"`, "a\x00b", "a\nb", "a+b%41", "鍵/🔑", " "} {
		f.send(f.put(key, content(2*partSize+1, byte(n))))
	}
	for i, m := range f.queue.waiting {
		message, err := codec.Encode(m.batch)
		if err != nil {
			t.Fatal(err)
		}
		if f.queue.waiting[i].batch, err = codec.Decode(message); err != nil {
			t.Fatal(err)
		}
	}
	f.work()
	f.same()
}

// TestPredecessorFleet12CompletionIsTriedBeforeItIsGivenUp: the worker completes through the
// destination's own driver, and a completion that fails for a while costs nothing.
// Shown to fail by giving up on retriable errors in Assembler.join.
func TestPredecessorFleet12CompletionIsTriedBeforeItIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 50, Effect: memdriver.Fail(503, "SlowDown")})
	f.send(f.put("giant", content(4*partSize, 1)))
	f.work()
	f.same()
	if n := f.destination.Count("Part"); n != 4 || f.destination.Count("AbortUpload") != 0 {
		t.Errorf("%d parts were sent of 4, %d uploads aborted", n, f.destination.Count("AbortUpload"))
	}
	if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
		t.Errorf("settled as %+v", got)
	}
}

// TestGiantThatIsAskedForOnceMore: after its end, another message makes a new one; the
// same message does not.
func TestGiantThatIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	object := f.put("giant", content(2*partSize, 1))
	f.send(object)
	first := f.queue.waiting[0]
	f.work()
	worker := f.start()
	f.deliver(worker, first)
	if n := f.destination.Count("CreateUpload"); n != 1 {
		t.Errorf("the same message began %d uploads", n)
	}
	if err := f.side(transfer.Destination, f.destination, "dst", &observe.Counters{}).Delete(t.Context(), "giant"); err != nil {
		t.Fatal(err)
	}
	f.send(object)
	f.work()
	f.same()
}

// TestStoreWithoutPartsRefusesGiants: such an object is skipped, and says why.
func TestStoreWithoutPartsRefusesGiants(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	worker := f.start()
	object := f.put("giant", content(10, 1))
	object.Size = 0
	record, err := worker.Split(worker.ctx, object, run, "message", 7)
	if record.Outcome != journal.OutcomeSkipped || driver.KindOf(err) != driver.KindUnsupported {
		t.Errorf("%+v, %v", record, err)
	}
}
