package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
)

// finderMessage stands for the message of what the finder decides by itself.
const finderMessage = "finder"

// pass passes over an object that the listing says cannot be copied, for a reason that it
// counts and tells: asking for it would cost a request and be refused.
func (f *finder) pass(ctx context.Context, t task.Task, reason error) error {
	record := f.engine.copier.Failed(t, reason)
	f.engine.log.Warn("object not copied", "key", t.Key, "outcome", record.Outcome, "error", reason)
	return f.passOver(ctx, record)
}

// undecided is told of an object of the destination of which a failure keeps the finder from
// telling whether the source has it. It stays. Where extra objects are to be deleted, this one has
// failed, and so it holds the others back.
func (f *finder) undecided(ctx context.Context, key string, reason error) error {
	f.engine.log.Warn("object of the destination is left alone: it could not be looked up at the source", "key", key, "error", reason)
	if !f.engine.deletes() {
		f.unsure++
		return nil
	}
	return f.passOver(ctx, f.engine.undeleted(key, fmt.Errorf("the destination's %q stays, because it could not be looked up whether the source has it: %w", f.engine.to.Absolute(key), reason)))
}

// unsureText tells of objects that were left undecided, and did not fail.
func unsureText(n int64) string {
	return objects(n) + " of the destination could not be looked up at the source, and may be extra or not: check that the credentials of the source may read single objects"
}

func (f *finder) passOver(ctx context.Context, record journal.Record) error {
	f.engine.counters.Add(record.Counts())
	if f.passed = append(f.passed, record); len(f.passed) >= extrasAtOnce {
		return f.flushPassed(ctx)
	}
	return nil
}

// flushPassed puts on record what was passed over, also when the run was interrupted: it is
// counted.
func (f *finder) flushPassed(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := error(nil)
	for group := range slices.Chunk(f.passed, knownAtOnce) {
		if err == nil {
			err = f.engine.keep(ctx, group)
		}
	}
	f.passed = f.passed[:0]
	return err
}

// keep records what the finder decided. In a fleet a worker's word counts more: where one
// wrote a record meanwhile, that one stays.
func (e *Engine) keep(ctx context.Context, records []journal.Record) error {
	if e.fleet == nil {
		return e.journal.Append(ctx, records)
	}
	keys := make([]string, len(records))
	for i, record := range records {
		keys[i] = record.Key
	}
	known, err := e.fleet.Journal.Lookup(ctx, keys)
	if err != nil {
		return err
	}
	for i := range records {
		before := known[records[i].Key]
		records[i] = records[i].Keeping(before)
		records[i].Revision, records[i].Sequencer, records[i].Message = before.Revision, before.Sequencer, finderMessage
	}
	err = e.fleet.Journal.Append(ctx, records)
	var conflict *journal.ConflictError
	if err != nil && !errors.As(err, &conflict) {
		return err
	}
	for _, record := range records {
		if conflict == nil || !slices.Contains(conflict.Keys, record.Key) {
			e.passed.Add(record.Counts())
		}
	}
	return nil
}
