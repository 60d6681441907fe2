package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/settle"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// parcel is one message on its way through a worker: what is still open of it, and what
// is to be done before it may be acknowledged.
type parcel struct {
	server    *server
	message   queue.Message
	batch     task.Batch
	from      settle.Delivery
	open      atomic.Int32
	lost      context.Context // ends when the message is somebody else's
	lose      context.CancelFunc
	abandoned atomic.Bool // something of it was not done: others will do it all again

	mu      sync.Mutex
	counts  journal.Counts
	counted map[string]journal.Counts     // what each key adds to them
	again   map[time.Duration]*task.Batch // what is to be tried again, by the pause before it
	letters []queue.Letter
}

func newParcel(s *server, message queue.Message) *parcel {
	lost, lose := context.WithCancel(s.lasting)
	return &parcel{
		lost: lost, lose: lose,
		server: s, message: message, batch: message.Batch, again: map[time.Duration]*task.Batch{}, counted: map[string]journal.Counts{},
		from: settle.Delivery{Run: message.Batch.Run, Message: message.Name, Redelivered: message.Redelivered},
	}
}

// whileHeld takes a step, which is to end when the message is no longer ours.
func (p *parcel) whileHeld(ctx context.Context, step func(context.Context)) {
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.lost, cancel)()
	step(held)
}

// decided notes that one thing of the message is decided; the last one ends the message.
func (p *parcel) decided(note func()) {
	if note != nil {
		p.mu.Lock()
		note()
		p.mu.Unlock()
	}
	p.server.engine.pulse.step()
	if p.open.Add(-1) == 0 {
		p.server.closing.Go(func() { p.close(p.server.lasting) })
	}
}

// settled counts what came of a task: before is the record that was replaced, if any. What
// another message led to counts there, and what another message of this run led to before
// counts no more. It is the same however often the message is worked on.
func (p *parcel) settled(t task.Task, record, before journal.Record) {
	p.decided(func() {
		if record.Run != p.from.Run {
			if t.Action == task.Copy {
				p.count(t.Key, elsewhere(record))
			}
			return
		}
		p.count(t.Key, record.CountsOf(p.from.Message))
		if record.Message == p.from.Message && record.Revision > before.Revision {
			p.server.engine.counters.Add(record.Counts())
		}
	})
}

// count counts a key, once however many tasks the message has for it. The caller holds
// mu, by decided.
func (p *parcel) count(key string, counts journal.Counts) {
	p.counts.Sub(p.counted[key])
	p.counts.Add(counts)
	p.counted[key] = counts
}

// elsewhere counts an object that was to be copied and that another run has settled.
func elsewhere(record journal.Record) journal.Counts {
	record.Elsewhere = true
	return record.Counts()
}

// retry has a task tried again after a pause.
func (p *parcel) retry(t task.Task, pause time.Duration) {
	p.decided(func() { p.later(pause).Tasks = append(p.later(pause).Tasks, t) })
}

// later returns the batch that is sent with a pause. The caller holds mu, by decided.
func (p *parcel) later(pause time.Duration) *task.Batch {
	if p.again[pause] == nil {
		p.again[pause] = &task.Batch{Run: p.from.Run}
	}
	return p.again[pause]
}

// close does what is to be done when everything of the message is decided: first what
// must not be lost is sent, then what came of it is recorded, at last it is acknowledged.
func (p *parcel) close(ctx context.Context) {
	s := p.server
	defer s.engine.pulse.held.Add(-1)
	defer s.holds.drop(p)
	err := error(nil)
	if !p.abandoned.Load() {
		err = p.finish(ctx)
	}
	switch {
	case err != nil:
		s.engine.log.Warn("message not finished; it is worked on again", "message", p.message.Name, "error", err)
		fallthrough
	case p.abandoned.Load():
		err = s.fleet.Queue.Return(ctx, p.message)
	default:
		err = s.fleet.Queue.Ack(ctx, p.message)
	}
	if err != nil {
		s.engine.log.Warn("message neither returned nor acknowledged; it is delivered again", "message", p.message.Name, "error", err)
	}
}

func (p *parcel) finish(ctx context.Context) error {
	for _, letter := range p.letters {
		if err := p.server.fleet.Queue.Bury(ctx, letter); err != nil {
			return err
		}
	}
	p.lookAgain()
	for pause, batch := range p.again {
		if err := p.server.fleet.Queue.SendLater(ctx, *batch, pause); err != nil {
			return err
		}
	}
	if p.counts == (journal.Counts{}) {
		return nil
	}
	return p.server.fleet.Journal.Tally(ctx, journal.Tally{Run: p.from.Run, Message: p.from.Message, Counts: p.counts})
}

// lookAgain has the keys of a redelivered message looked at once more when whoever had
// it before can no longer write: a PUT of his may land after everything here was done. A
// deletion remains one, as it may not have been made.
func (p *parcel) lookAgain() {
	if !p.message.Redelivered {
		return
	}
	for _, t := range p.batch.Tasks {
		again := task.Task{Key: t.Key, Action: task.Look, Sequencer: t.Sequencer}
		if t.Action == task.Delete {
			again.Action = task.Delete
		}
		batch := p.later(p.server.fleet.LookAgain)
		batch.Tasks = append(batch.Tasks, again)
	}
}

// failed decides what becomes of a task that could not be settled.
func (s *server) failed(ctx context.Context, p *parcel, t task.Task, before, record journal.Record, err error) {
	var giant *errGiant
	var unfit *fit.Error
	switch {
	case errors.As(err, &giant):
		s.split(ctx, p, t, giant.task)
	case ctx.Err() != nil:
		p.abandoned.Store(true)
		p.decided(nil)
	case errors.Is(err, settle.ErrDeletionLimit):
		s.engine.log.Warn("deletion parked: the hourly limit is reached", "key", t.Key, "limit", s.fleet.MaxDelete)
		p.retry(t, longestRetry)
	case errors.Is(err, journal.ErrBusy), driver.KindOf(err) == driver.KindExpired:
		p.retry(t, s.fleet.RetryAfter)
	case record.Outcome == journal.OutcomeSkipped, errors.As(err, &unfit):
		s.engine.log.Warn("object not copied", "key", t.Key, "outcome", record.Outcome, "error", err)
		s.final(p, t, record, before)
	case t.Attempt+1 < s.fleet.Attempts:
		t.Attempt, t.Reason = t.Attempt+1, err.Error()
		s.engine.log.Debug("object is tried again", "key", t.Key, "attempt", t.Attempt, "error", err)
		p.retry(t, s.fleet.pause(t.Attempt))
	default:
		s.bury(p, t, before, record, err)
	}
}

// bury records an object that failed for good and puts it into the dead-letter queue.
func (s *server) bury(p *parcel, t task.Task, before, record journal.Record, err error) {
	s.engine.log.Error("object not copied", "key", t.Key, "attempts", t.Attempt+1, "error", err)
	if record.Outcome == "" {
		record = journal.Record{
			Key: t.Key, Run: p.from.Run, Message: p.from.Message, Outcome: journal.OutcomeFailed, Size: t.Size,
			SourceETag: t.ETag, Revision: before.Revision, Sequencer: max(before.Sequencer, t.Sequencer),
			Deletion: t.Action == task.Delete || before.OwesDeletion(), Error: err.Error(), At: time.Now(),
		}
	}
	buried := t
	buried.Attempt, buried.Reason = t.Attempt+1, err.Error()
	s.final(p, t, record, before, queue.Letter{
		Reason: err.Error(), Batch: task.Batch{Run: p.from.Run, Tasks: []task.Task{buried}}, At: record.At,
	})
}

// final records an outcome that no further attempt changes, and has letters sent about it.
// Where somebody else wrote the record meanwhile, the object may be copied by now: it is
// looked at again.
func (s *server) final(p *parcel, t task.Task, record, before journal.Record, letters ...queue.Letter) {
	record = record.Keeping(before)
	err := s.fleet.Journal.Append(s.lasting, []journal.Record{record})
	var conflict *journal.ConflictError
	switch {
	case err == nil:
		record.Revision++
		p.mu.Lock()
		p.letters = append(p.letters, letters...)
		p.mu.Unlock()
		p.settled(t, record, before)
	case errors.As(err, &conflict):
		p.retry(t, s.fleet.RetryAfter)
	default:
		s.engine.log.Warn("outcome not recorded", "key", record.Key, "error", err)
		p.abandoned.Store(true)
		p.decided(nil)
	}
}
