package settle_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/settle"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// pair is one key at both ends and its record, all as the newest event, 9, left them.
type pair struct {
	source, destination bool
	record              journal.Record
	done                []string // what was changed
}

func (p *pair) Source(context.Context, string) (driver.Object, bool, error) {
	return driver.Object{Key: "a", ETag: "v9", Size: 9}, p.source, nil
}

func (p *pair) Destination(context.Context, string) (driver.Object, bool, error) {
	return driver.Object{Key: "a", ETag: "d9", Size: 9}, p.destination, nil
}

func (p *pair) Lists(context.Context, string) (bool, error) { return p.destination, nil }

func (p *pair) Copy(_ context.Context, t task.Task) (journal.Record, error) {
	p.done = append(p.done, "copy "+t.ETag)
	return journal.Record{Key: t.Key, Outcome: journal.OutcomeDone, SourceETag: t.ETag}, nil
}

func (p *pair) Delete(context.Context, string) error {
	p.done = append(p.done, "delete")
	return nil
}

func (p *pair) Same(source, _ driver.Object, record journal.Record) (journal.Grade, bool) {
	return journal.GradeOne, record.SourceETag == source.ETag
}

func (p *pair) Task(object driver.Object) task.Task {
	return task.Task{Key: object.Key, Action: task.Copy, ETag: object.ETag, Size: object.Size}
}

func (p *pair) Lookup(context.Context, []string) (map[string]journal.Record, error) {
	return map[string]journal.Record{"a": p.record}, nil
}

func (p *pair) Append(_ context.Context, records []journal.Record) error {
	p.done = append(p.done, "record "+string(records[0].Outcome))
	return nil
}

// TestPredecessorD1StaleDelete: the predecessor set action=Ignore for an old event and
// overwrote it two lines later, so that an old ObjectRemoved deleted the new replica and
// an old ObjectCreated was copied once more.
//
// Shown to fail with the fresh look at the source taken out of mendOnce (a Delete goes to
// remove at once: the replica is deleted), and with the comparison of sequencers taken out
// of mustLook (the old version is copied).
func TestPredecessorD1StaleDelete(t *testing.T) {
	t.Parallel()
	there := journal.Record{Key: "a", Run: "r", Outcome: journal.OutcomeDone, SourceETag: "v9", DestinationETag: "d9", Sequencer: "9", Revision: 4}
	gone := journal.Record{Key: "a", Run: "r", Outcome: journal.OutcomeDeleted, Sequencer: "9", Revision: 4}
	for name, c := range map[string]struct {
		task   task.Task
		state  pair
		before journal.Record
		want   []string
	}{
		"an old removal of what was written again": {
			task.Task{Key: "a", Action: task.Delete, Sequencer: "5"}, pair{source: true, destination: true, record: there}, there, nil,
		},
		"an old version of what is newer": {
			task.Task{Key: "a", Action: task.Copy, ETag: "v5", Sequencer: "5"}, pair{source: true, destination: true, record: there}, there, nil,
		},
		"an old version of what was deleted": {
			task.Task{Key: "a", Action: task.Copy, ETag: "v5", Sequencer: "5"}, pair{record: gone}, gone, nil,
		},
		"the newest removal": {
			task.Task{Key: "a", Action: task.Delete, Sequencer: "A"}, pair{destination: true, record: there}, there, []string{"delete", "record deleted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := c.state
			s := &settle.Settler{Ends: &state, Records: &state, Deletes: true}
			if _, err := s.Apply(t.Context(), c.task, c.before, settle.Delivery{Run: "r", Message: "m"}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, state.done); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
		})
	}
}
