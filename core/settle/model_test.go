package settle_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/settle"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// histories is how many random histories the model is tried with.
const histories = 100_000

// TestNewestStateWins plays random histories of a few keys (creates, rewrites,
// deletions; their events twice, late and out of order, from two sources of events and a
// finder) against three workers that pause, crash and are overtaken between any two
// steps. Copies fail, and leave nothing, what they should, or damaged bytes; deletions fail,
// for good too, after which the key is only looked at; on half of the stores ETags cannot be compared, so that records decide. When everything has come to rest
// the destination holds what the source holds. A record that is not done always keeps the
// last proof.
//
// It was seen to fail with each of these taken out: the condition of the record's
// write, the look after a conflict, the second look at a redelivered message when the
// first worker can no longer write, the tombstone, the proof that a failure keeps, the word
// that what failed was a deletion.
func TestNewestStateWins(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories) {
		if problem := play(seed, true); problem != "" {
			t.Fatalf("history %d: %s", seed, problem)
		}
	}
}

// TestNothingIsDeletedUnlessWanted plays them with deletions not followed: whatever the
// source holds in the end is there, and nothing was deleted.
func TestNothingIsDeletedUnlessWanted(t *testing.T) {
	t.Parallel()
	for seed := range uint64(histories / 10) {
		if problem := play(seed, false); problem != "" {
			t.Fatalf("history %d: %s", seed, problem)
		}
	}
}

// world is the two stores, the journal, the queue and the workers of one history.
type world struct {
	random              *rand.Rand
	now                 int
	deletes             bool
	source, destination map[string]int // version of each key; none when absent
	versions            int
	records             map[string]journal.Record
	queue               []*message
	workers             []*worker
	late                []landing
	deleted             int
	opaque              bool // ETags of the two stores cannot be compared
	failures            int  // how many changes will fail yet
	proofs              map[string]journal.Proof
	unkept              string // what is wrong with a record's proof
}

// landing is a PUT of a crashed worker that is still on its way.
type landing struct {
	at      int
	key     string
	version int
}

// message is one task in the queue.
type message struct {
	name       string
	task       task.Task
	ready      int // when it can be received
	deliveries int
}

// worker is one task being worked on, stopped between two steps.
type worker struct {
	message *message
	steps   func() (step, bool)
	stop    func()
	paused  int // until when
	flying  *landing
}

type step struct{}

// errCrash unwinds a worker that is not let go on.
var errCrash = errors.New("crashed")

// patience is how long a crashed worker's PUT may still land.
const patience = 40

// play returns what is wrong at the end of one history, "" when nothing is.
func play(seed uint64, deletes bool) string {
	w := &world{
		random: rand.New(rand.NewPCG(seed, 7)), deletes: deletes,
		source: map[string]int{}, destination: map[string]int{}, records: map[string]journal.Record{},
		opaque: seed%2 == 1, failures: int(seed % 4), proofs: map[string]journal.Proof{},
	}
	left := 2 + w.random.IntN(5)
	for w.now = 0; left > 0 || !w.rests(); w.now++ {
		if w.now > 20_000 {
			return "it does not come to rest"
		}
		if left > 0 && w.random.IntN(4) == 0 {
			w.change()
			left--
		}
		w.land()
		w.work()
	}
	return w.problem()
}

func (w *world) problem() string {
	for _, key := range []string{"a", "b"} {
		if w.source[key] != w.destination[key] && (w.deletes || w.source[key] != 0) {
			return fmt.Sprintf("%q has version %d at the source and %d at the destination", key, w.source[key], w.destination[key])
		}
	}
	if !w.deletes && w.deleted > 0 {
		return "objects were deleted though that was not wanted"
	}
	return w.unkept
}

func (w *world) rests() bool {
	return len(w.queue) == 0 && len(w.workers) == 0 && len(w.late) == 0
}

// change changes the source and sends the event, now and then twice, or has the finder
// list it.
func (w *world) change() {
	key := string("ab"[w.random.IntN(2)])
	event := task.Task{Key: key, Sequencer: fmt.Sprintf("%032d", w.now)}
	if w.source[key] != 0 && w.random.IntN(3) == 0 {
		delete(w.source, key)
		event.Action = task.Delete
	} else {
		w.versions++
		w.source[key] = w.versions
		event.ETag = etag(w.versions)
	}
	if event.Action == task.Copy || w.deletes {
		for range 1 + w.random.IntN(2) {
			w.send(event, w.random.IntN(60))
		}
	}
	if w.random.IntN(3) == 0 && w.source[key] != 0 { // a finder listed it
		w.send(task.Task{Key: key, ETag: etag(w.source[key])}, w.random.IntN(60))
	}
}

func etag(version int) string { return fmt.Sprintf("v%d", version) }

func (w *world) send(t task.Task, delay int) {
	w.queue = append(w.queue, &message{name: fmt.Sprintf("m%d.%d", w.now, len(w.queue)), task: t, ready: w.now + delay})
}

// land lets PUTs of crashed workers take effect.
func (w *world) land() {
	kept := w.late[:0]
	for _, l := range w.late {
		if l.at <= w.now {
			w.destination[l.key] = l.version
		} else {
			kept = append(kept, l)
		}
	}
	w.late = kept
}

// work lets one worker take one step, or begins with a message.
func (w *world) work() {
	if len(w.workers) < 3 {
		w.receive()
	}
	if len(w.workers) == 0 {
		return
	}
	i := w.random.IntN(len(w.workers))
	chosen := w.workers[i]
	switch {
	case chosen.paused > w.now:
	case w.random.IntN(60) == 0:
		chosen.paused = w.now + w.random.IntN(2*patience)
		w.visibleAgain(chosen, w.random.IntN(patience))
	case w.random.IntN(60) == 0:
		w.crash(i)
	default:
		if _, more := chosen.steps(); !more {
			w.forget(i)
		}
	}
}

// receive starts a worker on a message that can be received.
func (w *world) receive() {
	var can []*message
	for _, m := range w.queue {
		if m.ready <= w.now {
			can = append(can, m)
		}
	}
	if len(can) == 0 {
		return
	}
	m := can[w.random.IntN(len(can))]
	m.deliveries++
	m.ready = w.now + 1_000_000 // until it is given back
	if w.random.IntN(10) == 0 {
		m.ready = w.now + w.random.IntN(10) // delivered twice
	}
	holder := &worker{message: m}
	holder.steps, holder.stop = iter.Pull(w.settle(holder, m.deliveries > 1))
	w.workers = append(w.workers, holder)
}

func (w *world) visibleAgain(holder *worker, delay int) { holder.message.ready = w.now + delay }

func (w *world) crash(i int) {
	holder := w.workers[i]
	w.visibleAgain(holder, 1)
	if holder.flying != nil && w.random.IntN(2) == 0 {
		holder.flying.at = w.now + w.random.IntN(patience)
		w.late = append(w.late, *holder.flying)
	}
	w.forget(i)
}

func (w *world) forget(i int) {
	w.workers[i].stop()
	w.workers = append(w.workers[:i], w.workers[i+1:]...)
}

// settle is the worker's life: settle the task, look again later when somebody else may
// be at it, acknowledge.
func (w *world) settle(holder *worker, redelivered bool) iter.Seq[step] {
	return func(yield func(step) bool) {
		defer func() {
			if cause := recover(); cause != nil {
				if err, is := cause.(error); !is || !errors.Is(err, errCrash) {
					panic(cause)
				}
			}
		}()
		ends := &ends{world: w, holder: holder, next: func() {
			if !yield(step{}) {
				panic(errCrash)
			}
		}}
		s := &settle.Settler{Ends: ends, Records: ends, Deletes: w.deletes}
		m := holder.message
		from := settle.Delivery{Run: "r", Message: m.name, Redelivered: redelivered}
		known, _ := ends.Lookup(context.Background(), []string{m.task.Key})
		got, err := s.Apply(context.Background(), m.task, known[m.task.Key], from)
		if err == nil && !got.Written {
			if ends.Append(context.Background(), []journal.Record{got.Record}) != nil {
				_, err = s.Mend(context.Background(), m.task, from)
			}
		}
		if err != nil {
			w.failed(ends, m.task, got)
		}
		if redelivered {
			again := task.Task{Key: m.task.Key, Action: task.Look}
			if m.task.Action == task.Delete {
				again.Action = task.Delete
			}
			w.send(again, 2*patience+5)
		}
		ends.next()
		w.acknowledge(m)
	}
}

// failed has a task tried again, or gives it up for now: the next finder does not trust a
// record that is not done.
func (w *world) failed(ends *ends, t task.Task, got settle.Settlement) {
	again, record := t, got.Record
	again.Attempt++
	if record.Outcome == "" { // nothing was copied
		record.Key, record.Outcome, record.Deletion = t.Key, journal.OutcomeFailed, t.Action == task.Delete || got.Before.OwesDeletion()
		record = record.Keeping(got.Before)
	}
	if w.random.IntN(2) == 0 && ends.Append(context.Background(), []journal.Record{record}) == nil {
		again = task.Task{Key: t.Key, ETag: etag(w.source[t.Key]), Action: task.Look}
	}
	w.send(again, 5)
}

func (w *world) acknowledge(m *message) {
	for i, other := range w.queue {
		if other == m {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			return
		}
	}
}

// ends are the stores and the journal, as one worker sees them: every call is a step.
type ends struct {
	*world
	holder *worker
	next   func()
}

func (e *ends) object(versions map[string]int, key string) (driver.Object, bool, error) {
	e.next()
	version := versions[key]
	return driver.Object{Key: key, ETag: etag(version)}, version != 0, nil
}

func (e *ends) Source(_ context.Context, key string) (driver.Object, bool, error) {
	return e.object(e.source, key)
}

func (e *ends) Destination(_ context.Context, key string) (driver.Object, bool, error) {
	return e.object(e.destination, key)
}

func (e *ends) Lists(_ context.Context, key string) (bool, error) {
	_, listed, err := e.object(e.destination, key)
	return listed, err
}

// Copy reads the newest version, as transfer.Copier does after a refused If-Match, and
// writes it later.
func (e *ends) Copy(_ context.Context, t task.Task) (journal.Record, error) {
	e.next()
	version := e.source[t.Key]
	if version == 0 {
		return journal.Record{}, transfer.ErrVanished
	}
	e.holder.flying = &landing{key: t.Key, version: version}
	e.next()
	failing, landed := e.fails(), version
	if failing && e.random.IntN(2) == 0 {
		e.versions++
		landed = -e.versions // damaged
	}
	if !failing || e.random.IntN(3) > 0 {
		e.destination[t.Key] = landed
	}
	e.holder.flying = nil
	e.next()
	if failing {
		return journal.Record{Key: t.Key, Outcome: journal.OutcomeFailed, SourceETag: etag(version)}, errFailed
	}
	return journal.Record{Key: t.Key, Outcome: journal.OutcomeDone, SourceETag: etag(version), DestinationETag: etag(version), Grade: journal.GradeOne}, nil
}

// errFailed is what a copy or a deletion fails with.
var errFailed = errors.New("not done")

// fails says whether the present change fails.
func (w *world) fails() bool {
	if w.failures == 0 || w.random.IntN(4) > 0 {
		return false
	}
	w.failures--
	return true
}

func (e *ends) Delete(_ context.Context, key string) error {
	e.next()
	failing := e.fails()
	if !failing || e.random.IntN(2) == 0 {
		delete(e.destination, key)
	}
	e.deleted++
	e.next()
	if failing {
		return errFailed
	}
	return nil
}

func (e *ends) Same(source, destination driver.Object, record journal.Record) (journal.Grade, bool) {
	if !e.opaque {
		return journal.GradeOne, source.ETag == destination.ETag
	}
	proof := record.LastProof()
	return proof.Grade, proof.SourceETag == source.ETag && proof.DestinationETag == destination.ETag
}

func (e *ends) Task(object driver.Object) task.Task {
	return task.Task{Key: object.Key, ETag: object.ETag}
}

func (e *ends) Lookup(_ context.Context, keys []string) (map[string]journal.Record, error) {
	e.next()
	known := map[string]journal.Record{}
	for _, key := range keys {
		if record, found := e.records[key]; found {
			known[key] = record
		}
	}
	return known, nil
}

func (e *ends) Append(_ context.Context, records []journal.Record) error {
	e.next()
	for _, record := range records {
		if e.records[record.Key].Revision != record.Revision {
			return &journal.ConflictError{Keys: []string{record.Key}}
		}
		e.checkProof(record)
		record.Revision++
		e.records[record.Key] = record
	}
	return nil
}

// checkProof compares what a record keeps with the last one that was done.
func (w *world) checkProof(record journal.Record) {
	switch record.Outcome {
	case journal.OutcomeDone:
		w.proofs[record.Key] = journal.Proof{
			Size: record.Size, SourceETag: record.SourceETag, DestinationETag: record.DestinationETag, Grade: record.Grade,
		}
	case journal.OutcomeDeleted:
		delete(w.proofs, record.Key)
	default:
		if want := w.proofs[record.Key]; record.Proved != want {
			w.unkept = fmt.Sprintf("a %s record keeps %+v, the last proof is %+v", record.Outcome, record.Proved, want)
		}
	}
}
