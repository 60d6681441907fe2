package engine_test

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/journal"
)

// memJournal is a journal.Shared: records, tallies and leases in memory, all else in a
// journal of one machine. As that of DynamoDB it writes the last of several records of a
// key in one call.
type memJournal struct {
	journal.Journal

	mu       sync.Mutex
	records  map[string]journal.Record
	history  []journal.Record // all that was written, in order
	tallies  map[[2]string]journal.Counts
	owner    map[string]string
	spent    map[string]int64
	onAppend func(call int, records []journal.Record) error // asked before each Append; may be nil
	onTally  func(call int) error                           // the same for Tally
	appends  int
	tallied  int
	leases   func() (bool, error) // in place of the lease; may be nil
	busy     int                  // how often an upload is another's
	allowed  int64                // uses of any name, beside the limit that is asked for
}

func newMemJournal(rest journal.Journal) *memJournal {
	return &memJournal{
		Journal: rest, records: map[string]journal.Record{}, tallies: map[[2]string]journal.Counts{},
		owner: map[string]string{}, spent: map[string]int64{},
	}
}

func (j *memJournal) Append(ctx context.Context, records []journal.Record) error {
	j.mu.Lock()
	j.appends++
	call, ask := j.appends, j.onAppend
	j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if ask != nil {
		if err := ask(call, records); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	last := map[string]journal.Record{}
	for _, record := range records {
		last[record.Key] = record
	}
	var conflicts []string
	for key, record := range last {
		if j.records[key].Revision != record.Revision {
			conflicts = append(conflicts, key)
			continue
		}
		j.write(record)
		if record.Outcome == journal.OutcomeDone {
			if err := j.ForgetUpload(ctx, key); err != nil {
				return err
			}
		}
	}
	if len(conflicts) > 0 {
		return &journal.ConflictError{Keys: conflicts}
	}
	return nil
}

// write writes over whatever is on record; mu is held.
func (j *memJournal) write(record journal.Record) {
	record.Revision = j.records[record.Key].Revision + 1
	j.records[record.Key] = record
	j.history = append(j.history, record)
}

// force writes a record as somebody else.
func (j *memJournal) force(record journal.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.write(record)
}

func (j *memJournal) record(key string) journal.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records[key]
}

func (j *memJournal) IntendUpload(ctx context.Context, upload journal.Upload) error {
	j.mu.Lock()
	busy := j.busy > 0
	j.busy--
	j.mu.Unlock()
	if busy {
		return journal.ErrBusy
	}
	return j.Journal.IntendUpload(ctx, upload)
}

func (j *memJournal) Lookup(ctx context.Context, keys []string) (map[string]journal.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	known := map[string]journal.Record{}
	for _, key := range keys {
		if record, found := j.records[key]; found {
			known[key] = record
		}
	}
	return known, ctx.Err()
}

func (j *memJournal) Scan(context.Context) iter.Seq2[journal.Record, error] {
	return j.where(func(journal.Record) bool { return true })
}

func (j *memJournal) Failures(_ context.Context, run string) iter.Seq2[journal.Record, error] {
	return j.where(func(r journal.Record) bool {
		return r.Run == run && r.Outcome != journal.OutcomeDone && r.Outcome != journal.OutcomeDeleted
	})
}

func (j *memJournal) Adapted(_ context.Context, run string) iter.Seq2[journal.Record, error] {
	return j.where(func(r journal.Record) bool { return r.Run == run && r.IsAdapted() })
}

func (j *memJournal) Doubts(_ context.Context, adapted bool) iter.Seq2[string, error] {
	doubted := j.where(func(r journal.Record) bool {
		return r.IsAdapted() && adapted || r.Outcome != journal.OutcomeDone && r.Outcome != journal.OutcomeDeleted
	})
	return func(yield func(string, error) bool) {
		doubted(func(r journal.Record, err error) bool { return yield(r.Key, err) })
	}
}

func (j *memJournal) where(is func(journal.Record) bool) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		j.mu.Lock()
		all := slices.SortedFunc(maps.Values(j.records), func(a, b journal.Record) int { return cmp.Compare(a.Key, b.Key) })
		j.mu.Unlock()
		for _, record := range all {
			if is(record) && !yield(record, nil) {
				return
			}
		}
	}
}

func (j *memJournal) Tally(_ context.Context, tally journal.Tally) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tallied++
	if j.onTally != nil {
		if err := j.onTally(j.tallied); err != nil {
			return err
		}
	}
	j.tallies[[2]string{tally.Run, tally.Message}] = tally.Counts
	return nil
}

func (j *memJournal) Total(ctx context.Context, run string) (journal.Counts, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var total journal.Counts
	for key, counts := range j.tallies {
		if key[0] == run {
			total.Add(counts)
		}
	}
	return total, ctx.Err()
}

func (j *memJournal) TakeLease(ctx context.Context, name, owner string, _ time.Duration) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.leases != nil {
		return j.leases()
	}
	if holder := j.owner[name]; holder != "" && holder != owner {
		return false, ctx.Err()
	}
	j.owner[name] = owner
	return true, ctx.Err()
}

func (j *memJournal) DropLease(_ context.Context, name, owner string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.owner[name] == owner {
		delete(j.owner, name)
	}
	return nil
}

// allow raises the limit of all uses.
func (j *memJournal) allow(more int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.allowed = more
}

func (j *memJournal) Spend(ctx context.Context, name string, limit int64) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.spent[name] >= limit+j.allowed {
		return false, ctx.Err()
	}
	j.spent[name]++
	return true, ctx.Err()
}
