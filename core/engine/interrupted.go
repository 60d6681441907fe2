package engine

import (
	"context"
	"time"

	"github.com/dth-dev/dth/core/journal"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
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
			records = append(records, journal.Record{
				Key: t.Key, Run: batch.Run, Outcome: journal.OutcomeInterrupted, Size: t.Size, SourceETag: t.ETag, SourceVersion: t.VersionID,
				SourceModified: t.Modified, Error: "the run ended before it was known what came of the copy", At: time.Now(),
			})
		}
		if len(records) >= interruptedAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
