package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/event"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// follows says whether deletions at the source are followed.
func (f *Fleet) follows() bool { return f.Events == event.CreateAndDelete }

// reader returns what reads the source store's notifications.
func (e *Engine) reader() (*event.Reader, error) {
	parser, ok := driver.As[driver.EventParser](e.parser, driver.CapabilityEventParser)
	switch {
	case !ok:
		return nil, errors.New("the source's plugin reads no notifications")
	case e.fleet.Events == 0:
		return nil, errors.New("this job does not follow events")
	}
	return &event.Reader{Parser: parser, Bucket: e.job.Source.Bucket, Prefix: e.from.List, Mode: e.fleet.Events}, nil
}

// read makes tasks of a message that dth did not send. What cannot be read goes to the
// dead-letter queue with its reason.
func (p *parcel) read(ctx context.Context) error {
	e := p.server.engine
	day := p.message.Sent // the same at each delivery
	if day.IsZero() {
		day = time.Now()
	}
	p.batch = task.Batch{Run: EventRun(day)}
	p.from.Run = p.batch.Run
	reader, err := e.reader()
	if err != nil {
		p.letters = append(p.letters, p.letter(err.Error()))
		return nil
	}
	reading, err := reader.Read(ctx, p.message.Foreign)
	var unreadable *event.Unreadable
	if errors.As(err, &unreadable) {
		e.log.Warn("message not understood", "message", p.message.Name, "reason", unreadable.Reason)
		p.letters = append(p.letters, p.letter(unreadable.Error()))
		return nil
	}
	if err != nil {
		return err
	}
	for _, problem := range reading.Problems {
		e.log.Warn("event not understood", "message", p.message.Name, "key", problem.Key, "reason", problem.Reason)
		p.letters = append(p.letters, p.letter(fmt.Sprintf("event %q of %q: %s", problem.Name, problem.Key, problem.Reason)))
	}
	for _, change := range reading.Changes {
		p.batch.Tasks = append(p.batch.Tasks, e.changed(change))
	}
	return nil
}

func (p *parcel) letter(reason string) queue.Letter {
	return queue.Letter{Reason: reason, Foreign: p.message.Foreign, At: time.Now()}
}

// changed returns the task of what events say of one key.
func (e *Engine) changed(change event.Change) task.Task {
	t := task.Task{
		Key: change.Key[len(e.from.Strip):], Size: change.Size, ETag: change.ETag, Sequencer: change.Sequencer,
	}
	if change.Delete {
		t.Action = task.Delete
	}
	return t
}

// EventRun is the name under which what events led to on one day is counted.
func EventRun(day time.Time) string { return day.UTC().Format("20060102") + "-events" }

// spend counts one deletion by event against the limit of this hour.
func (s *server) spend(ctx context.Context) (bool, error) {
	return s.fleet.Journal.Spend(ctx, "deletions-"+time.Now().UTC().Format("2006010215"), s.fleet.MaxDelete)
}
