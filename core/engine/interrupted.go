package engine

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dth-dev/dth/core/journal"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
	"github.com/dth-dev/dth/core/task"
)

// interruptedAtOnce is about how many records of interrupted objects are written at once.
const interruptedAtOnce = 2000

// recordInterrupted records what workers of an earlier run may have been at when it was
// killed, or ended with work open: their PUTs may have landed, or may land yet, and no
// listing tells of which version they were.
func (e *Engine) recordInterrupted(ctx context.Context, left *queuesqlite.Queue) error {
	var records []journal.Record
	flush := func() error {
		err := e.journal.Append(ctx, records)
		records = records[:0]
		return err
	}
	for batch, err := range left.HandedOut(ctx) {
		if err != nil {
			return err
		}
		for _, t := range batch.Tasks {
			records = append(records, interrupted(batch.Run, t))
		}
		if len(records) >= interruptedAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// interrupted is the record of a task whose run ended while a worker was at it.
func interrupted(run string, t task.Task) journal.Record {
	return journal.Record{
		Key: t.Key, Run: run, Outcome: journal.OutcomeInterrupted, Size: t.Size, SourceETag: t.ETag, SourceVersion: t.VersionID,
		SourceModified: t.Modified, Error: "the run ended before it was known what came of the copy", At: time.Now(),
	}
}

// expected yields the journal's records as the next run will find them: a command that only reads
// the state finds in its queue what workers of an earlier run may have been at.
func (e *Engine) expected(ctx context.Context, records iter.Seq2[journal.Record, error]) iter.Seq2[journal.Record, error] {
	if !e.state.ReadOnly() || !e.state.Upgraded() {
		return records
	}
	return func(yield func(journal.Record, error) bool) {
		left, err := e.leftOpen(ctx)
		if err != nil {
			yield(journal.Record{}, err)
			return
		}
		keys := slices.Sorted(maps.Keys(left))
		for record, err := range records {
			for err == nil && len(keys) > 0 && keys[0] <= record.Key {
				open := left[keys[0]]
				switch keys = keys[1:]; {
				case open.Key == record.Key && open.Run != record.Run:
					record = open.Keeping(record)
				case open.Key != record.Key && !yield(open, nil):
					return
				}
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
		for _, key := range keys {
			if !yield(left[key], nil) {
				return
			}
		}
	}
}

// leftOpen returns what workers of an earlier run may have been at, by key.
func (e *Engine) leftOpen(ctx context.Context) (map[string]journal.Record, error) {
	queue, err := queuesqlite.New(e.state)
	if err != nil {
		return nil, err
	}
	left := map[string]journal.Record{}
	for batch, err := range queue.HandedOut(ctx) {
		if err != nil {
			return nil, err
		}
		for _, t := range batch.Tasks {
			left[t.Key] = interrupted(batch.Run, t)
		}
	}
	return left, nil
}
