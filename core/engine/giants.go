package engine

import (
	"context"
	"errors"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/settle"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Giants says how objects are copied that are too large for one worker.
type Giants struct {
	// Assembly holds the store, the watch, and sizes and durations that are not the
	// defaults; the engine adds what it has itself.
	Assembly  assembly.Config
	Threshold int64 // bytes from which an object is a giant
}

// assembler returns what this process does about giant objects; nil where there are none.
func (e *Engine) assembler(settler assembly.Settler) *assembly.Assembler {
	giants := e.fleet.Giants
	if giants == nil {
		return nil
	}
	config := giants.Assembly
	config.Copier, config.Queue, config.Settler = e.copier, e.fleet.Queue, settler
	config.Logger, config.Owner = e.log, e.fleet.Worker
	return assembly.New(config)
}

// giant is the size of the smallest giant object; 0 where there are none.
func (s *server) giant() int64 {
	if s.fleet.Giants == nil {
		return 0
	}
	return s.fleet.Giants.Threshold
}

// split begins a giant object. Its outcome is settled when its last part has arrived.
func (s *server) split(ctx context.Context, p *parcel, t task.Task, version task.Task) {
	version.Sequencer, version.Attempt, version.Reason = t.Sequencer, t.Attempt, t.Reason
	known, err := s.fleet.Journal.Lookup(ctx, []string{t.Key})
	before := known[t.Key]
	var record journal.Record
	if err == nil {
		record, err = s.assembler.Split(ctx, version, p.from.Run, p.from.Message, before.Revision)
	}
	switch {
	case errors.Is(err, transfer.ErrVanished):
		s.mend(ctx, p, t, before)
	case err != nil:
		record.Message, record.Revision, record.Sequencer = p.from.Message, before.Revision, max(before.Sequencer, t.Sequencer)
		s.failed(ctx, p, t, before, record, err)
	default:
		p.decided(nil)
	}
}

// copyPart copies one part of a giant object.
func (s *server) copyPart(ctx context.Context, p *parcel, part task.Part) {
	again := func(batch *task.Batch) { batch.Parts = append(batch.Parts, part) }
	s.assemble(ctx, p, again, func() error {
		if process := s.fleet.Process; process != nil {
			process.Parts.Add(1)
			defer process.Parts.Add(-1)
		}
		return s.assembler.Part(ctx, part)
	})
}

// obey does what the watch of a giant object asks for.
func (s *server) obey(ctx context.Context, p *parcel, order task.Order) {
	again := func(batch *task.Batch) { batch.Orders = append(batch.Orders, order) }
	s.assemble(ctx, p, again, func() error { return s.assembler.Order(ctx, order) })
}

// assemble takes one step of a giant object. A step that failed is delivered again: at
// once, and so no more than a few times, unless it only waits for credentials.
func (s *server) assemble(ctx context.Context, p *parcel, again func(*task.Batch), step func() error) {
	err := errors.New("this worker copies no giant objects: give it a state machine")
	if s.assembler != nil {
		s.engine.counters.InFlight.Add(1)
		err = step()
		s.engine.counters.InFlight.Add(-1)
	}
	switch {
	case err == nil:
		p.decided(nil)
		return
	case ctx.Err() != nil:
	case driver.KindOf(err) == driver.KindExpired:
		p.decided(func() { again(p.later(s.fleet.RetryAfter)) })
		return
	default:
		s.engine.log.Warn("step of a giant object not taken", "message", p.message.Name, "error", err)
	}
	p.abandoned.Store(true)
	p.decided(nil)
}

// outcomes settles giant objects for an assembler.
type outcomes struct{ server *server }

// Settle records what became of a giant object, under a message name of its own.
func (o outcomes) Settle(ctx context.Context, upload assembly.Upload, record journal.Record) error {
	s, from := o.server, settle.Delivery{Run: upload.Run, Message: "giant/" + upload.ID}
	before, err := s.fleet.Journal.Lookup(ctx, []string{upload.Task.Key})
	if err != nil {
		return err
	}
	got := settle.Settlement{Record: before[upload.Task.Key]} // settled before a crash
	if old := got.Record; old.Message != from.Message {
		record.Run, record.Message = from.Run, from.Message
		record.Revision, record.Sequencer = upload.Revision, max(old.Sequencer, upload.Task.Sequencer)
		got, err = o.write(ctx, upload, record, old, from)
	}
	if err != nil || got.Record.Outcome == "" {
		return err
	}
	counts := got.Record.CountsOf(from.Message)
	if got.Record.Run != from.Run {
		counts = elsewhere(got.Record)
	}
	if counts == (journal.Counts{}) {
		return nil // it counts elsewhere
	}
	return s.fleet.Journal.Tally(ctx, journal.Tally{Run: from.Run, Message: from.Message, Counts: counts})
}

// write records an outcome; a failure goes to the dead-letter queue first, unless another
// worker copied the object meanwhile. Without an Outcome, what it returns is not decided
// yet.
func (o outcomes) write(ctx context.Context, upload assembly.Upload, record, old journal.Record, from settle.Delivery) (settle.Settlement, error) {
	s := o.server
	overtaken := old.Outcome == journal.OutcomeDone && old.Revision != upload.Revision
	if record.Outcome == journal.OutcomeFailed && !overtaken {
		record.Revision = old.Revision // whoever wrote it did not copy this
		buried := upload.Task
		buried.Reason = record.Error
		letter := queue.Letter{Reason: record.Error, Batch: task.Batch{Run: upload.Run, Tasks: []task.Task{buried}}, At: time.Now()}
		if err := s.fleet.Queue.Bury(ctx, letter); err != nil {
			return settle.Settlement{}, err
		}
	}
	record = record.Keeping(old)
	err := s.fleet.Journal.Append(ctx, []journal.Record{record})
	var conflict *journal.ConflictError
	if !errors.As(err, &conflict) {
		record.Revision++
		return settle.Settlement{Record: record, Before: old, Written: true}, err
	}
	from.Redelivered = true // the message that it was split for may have the key looked at again
	got, err := s.settler(driver.Exchange{}).Mend(ctx, task.Task{Key: upload.Task.Key, Action: task.Copy, Sequencer: upload.Task.Sequencer}, from)
	var giant *errGiant
	if errors.As(err, &giant) { // another version: it is copied like any other giant
		version := giant.task
		version.Sequencer, version.Attempt = upload.Task.Sequencer, upload.Task.Attempt+1
		err = s.fleet.Queue.Send(ctx, task.Batch{Run: upload.Run, Tasks: []task.Task{version}})
		got = settle.Settlement{}
	}
	return got, err
}
