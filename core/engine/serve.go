package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/settle"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// drainGrace is how long work in flight may go on after a worker was told to stop. A Spot
// instance has two minutes, of which the rest is for giving back what is not done.
const drainGrace = 80 * time.Second

// Serve works on what the shared queue delivers until ctx ends. Then it takes nothing
// more, gives what is in flight a while to finish, and returns the rest to the queue.
// An error says that the queue or the journal cannot be reached any more.
func (e *Engine) Serve(ctx context.Context) error {
	if _, err := e.openInside(ctx); err != nil && ctx.Err() == nil {
		return err // one that is told to stop before it began is done
	}
	asked := ctx // ends when the worker is told to stop
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, cancel := withGrace(ctx, drainGrace)
	defer cancel()
	s := &server{
		engine: e, fleet: e.fleet, stop: stop, steps: make(chan func(context.Context)),
		appended: make(chan pending, recordsAtOnce), lasting: context.WithoutCancel(ctx),
	}
	s.assembler = e.assembler(outcomes{s})
	watched, stopWatching := context.WithCancel(s.lasting)
	defer stopWatching()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.watchHolds(watched)
	}()
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		s.record(hard)
	}()
	var workers sync.WaitGroup
	for range e.transfers() {
		workers.Go(func() {
			for step := range s.steps {
				step(hard)
			}
		})
	}
	err := errors.Join(s.receive(ctx), s.fleet.Queue.Stop(s.lasting))
	close(s.steps)
	workers.Wait()
	close(s.appended)
	<-recorded
	s.mending.Wait()
	s.closing.Wait()
	stopWatching()
	<-watching
	switch {
	case asked.Err() != nil:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	}
	return err
}

// server is one worker of a fleet.
type server struct {
	engine    *Engine
	fleet     *Fleet
	assembler *assembly.Assembler        // nil where no object is copied by many workers
	steps     chan func(context.Context) // what the goroutines do next
	appended  chan pending               // records on their way to the journal
	mending   sync.WaitGroup             // keys whose records were refused
	holds     holds
	closing   sync.WaitGroup  // messages whose tasks are all decided
	lasting   context.Context // for what must not be left half done
	stop      context.CancelCauseFunc
}

// pending is a record on its way to the journal.
type pending struct {
	record journal.Record
	task   task.Task
	before journal.Record
	parcel *parcel
}

// receive takes messages apart until ctx ends.
func (s *server) receive(ctx context.Context) error {
	for {
		message, err := s.fleet.Queue.Receive(ctx)
		if err != nil {
			return err
		}
		if err := s.take(ctx, message); err != nil {
			return err
		}
	}
}

// take hands the tasks of one message to the goroutines.
func (s *server) take(ctx context.Context, message queue.Message) error {
	s.engine.pulse.held.Add(1)
	s.engine.pulse.step()
	p := newParcel(s, message)
	s.holds.add(p)
	if message.Foreign != nil {
		if err := p.read(ctx); err != nil {
			return s.returned(ctx, p, err)
		}
	}
	before, err := s.before(ctx, p.batch.Tasks)
	if err != nil {
		return s.returned(ctx, p, err)
	}
	signed := s.signAhead(ctx, p, before)
	p.open.Store(int32(1 + len(p.batch.Tasks) + len(p.batch.Parts) + len(p.batch.Orders)))
	defer p.decided(nil) // the one beside its tasks: a message without any is done, too
	for i, t := range p.batch.Tasks {
		s.do(ctx, p, func(held context.Context) { s.settle(held, p, t, before[t.Key], signed[i]) })
	}
	for _, part := range p.batch.Parts {
		s.do(ctx, p, func(held context.Context) { s.copyPart(held, p, part) })
	}
	for _, order := range p.batch.Orders {
		s.do(ctx, p, func(held context.Context) { s.obey(held, p, order) })
	}
	return ctx.Err()
}

// returned gives a message back that could not be begun with.
func (s *server) returned(ctx context.Context, p *parcel, cause error) error {
	s.engine.pulse.held.Add(-1)
	s.holds.drop(p)
	return errors.Join(cause, s.fleet.Queue.Return(context.WithoutCancel(ctx), p.message))
}

// do has a goroutine take the step, which is to end when the message is no longer ours;
// what cannot be begun any more is left to others.
func (s *server) do(ctx context.Context, p *parcel, step func(context.Context)) {
	bound := func(hard context.Context) { p.whileHeld(hard, step) }
	select {
	case s.steps <- bound:
	case <-ctx.Done():
		p.abandoned.Store(true)
		p.decided(nil)
	}
}

// before reads the records of a message's tasks.
func (s *server) before(ctx context.Context, tasks []task.Task) (map[string]journal.Record, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	keys := make([]string, 0, len(tasks))
	seen := map[string]bool{}
	for _, t := range tasks {
		if !seen[t.Key] {
			keys, seen[t.Key] = append(keys, t.Key), true
		}
	}
	return s.fleet.Journal.Lookup(ctx, keys)
}

// signAhead signs the downloads of the tasks that will be copied as they are.
func (s *server) signAhead(ctx context.Context, p *parcel, before map[string]journal.Record) []driver.Exchange {
	if p.message.Redelivered || len(p.batch.Tasks) == 0 || p.batch.Tasks[0].Action != task.Copy {
		return make([]driver.Exchange, len(p.batch.Tasks))
	}
	return s.engine.copier.SignAhead(ctx, p.batch.Tasks)
}

// settler returns how a task of a message is settled.
func (s *server) settler(signed driver.Exchange) *settle.Settler {
	return &settle.Settler{
		Ends: ends{Engine: s.engine, signed: signed, giant: s.giant()}, Records: s.fleet.Journal,
		Deletes: s.fleet.follows(), Spend: s.spend,
	}
}

// settle does what one task asks for.
func (s *server) settle(ctx context.Context, p *parcel, t task.Task, before journal.Record, signed driver.Exchange) {
	got, err := s.settler(signed).Apply(ctx, t, before, p.from)
	switch {
	case err != nil:
		s.failed(ctx, p, t, newer(got.Before, before), got.Record, err)
	case got.Written:
		p.settled(t, got.Record, got.Before)
	default:
		s.appended <- pending{got.Record, t, before, p}
	}
}

// mend settles a task whose record was refused because somebody else wrote it meanwhile.
func (s *server) mend(ctx context.Context, p *parcel, t task.Task, before journal.Record) {
	got, err := s.settler(driver.Exchange{}).Mend(ctx, t, p.from)
	if err != nil {
		s.failed(ctx, p, t, newer(got.Before, before), got.Record, err)
		return
	}
	p.settled(t, got.Record, got.Before)
}

// newer returns the record that was read last, which is none where it could not be read.
func newer(last, first journal.Record) journal.Record {
	if last.Revision == 0 {
		return first
	}
	return last
}

// record makes records durable, as many at once as are there.
func (s *server) record(ctx context.Context) {
	for first := range s.appended {
		group := gather([]pending{first}, s.appended)
		refused, err := s.append(group)
		for i, next := range group {
			switch {
			case err != nil: // the whole group: others will look at it
				next.parcel.abandoned.Store(true)
				next.parcel.decided(nil)
			case refused[i]:
				s.mending.Go(func() {
					next.parcel.whileHeld(ctx, func(held context.Context) { s.mend(held, next.parcel, next.task, next.before) })
				})
			default:
				written := next.record
				written.Revision++
				next.parcel.settled(next.task, written, next.before)
			}
		}
		if err != nil {
			s.stop(err)
		}
	}
}

// append writes records and says which were refused. Of several of one key, which goes
// into one write no more than once, the first stands for that which came in time.
func (s *server) append(group []pending) (refused []bool, err error) {
	refused = make([]bool, len(group))
	records := make([]journal.Record, 0, len(group))
	places := make(map[string]int, len(group))
	for i, next := range group {
		if _, twice := places[next.record.Key]; twice {
			refused[i] = true
			continue
		}
		places[next.record.Key] = i
		records = append(records, next.record)
	}
	err = s.fleet.Journal.Append(s.lasting, records)
	var conflict *journal.ConflictError
	if !errors.As(err, &conflict) {
		return refused, err
	}
	for _, key := range conflict.Keys {
		refused[places[key]] = true
	}
	return refused, nil
}
