// Package dynamodb is the journal of a fleet, kept in two DynamoDB tables.
package dynamodb

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
)

// Options say who uses the journal, and for how long it keeps what it need not keep.
// Zero durations stand for what their comments say.
type Options struct {
	// Owner names this process among all that share the tables: no two processes have
	// the same name, also not one after the other.
	Owner string
	// Lease is how long an upload is its owner's after his last sign of life; 5 min by
	// default. It is renewed by the parts that are recorded, every tenth of it.
	Lease time.Duration
	// Tombstones is how long an event that comes late cannot bring a deleted object
	// back; 7 d by default.
	Tombstones time.Duration
	// Tallies is how long the tallies of a run are kept after they were written, 14 d by
	// default: an SQS message lives no longer.
	Tallies time.Duration
}

const day = 24 * time.Hour

// Journal implements journal.Shared.
type Journal struct {
	client  *dynamo.Client
	options Options

	mu   sync.Mutex
	held map[string]hold // uploads by key that this process holds, or did
}

var _ journal.Shared = (*Journal)(nil)

// New returns the journal in the tables of client.
func New(client *dynamo.Client, options Options) *Journal {
	for value, usual := range map[*time.Duration]time.Duration{
		&options.Lease: 5 * time.Minute, &options.Tombstones: 7 * day, &options.Tallies: 14 * day,
	} {
		if *value == 0 {
			*value = usual
		}
	}
	return &Journal{client: client, options: options, held: map[string]hold{}}
}

// Append stores each record where the key's revision is still the one that the record
// names, with one write request; the later of two records of one key counts. Keys whose revision is another are in a
// *journal.ConflictError; a write of its own whose answer was lost is not among them. A
// record with OutcomeDone also forgets the key's upload, if this process has to do with it.
func (j *Journal) Append(ctx context.Context, records []journal.Record) error {
	last := make(map[string]int, len(records))
	for i, record := range records {
		if err := known(record); err != nil {
			return fmt.Errorf("journal: append %q: %w", record.Key, err)
		}
		last[record.Key] = i
	}
	var mu sync.Mutex
	var conflicts []string
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(j.client.Requests())
	for i, record := range records {
		if last[record.Key] != i {
			continue
		}
		group.Go(func() error {
			conflict, err := j.append(groupContext, record)
			if conflict {
				mu.Lock()
				conflicts = append(conflicts, record.Key)
				mu.Unlock()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("journal: append: %w", err)
	}
	if len(conflicts) > 0 {
		slices.Sort(conflicts)
		return &journal.ConflictError{Keys: conflicts}
	}
	return nil
}

// append stores one record and says whether somebody else wrote the key's meanwhile.
func (j *Journal) append(ctx context.Context, record journal.Record) (conflict bool, err error) {
	nonce := newNonce()
	item := j.recordItem(record, nonce)
	write := dynamo.Write{Table: j.client.Objects(), Item: item, Condition: "attribute_not_exists(#k)"}
	if record.Revision > 0 {
		write.Condition, write.Values = "#v = :v", dynamo.Item{":v": dynamo.Int(record.Revision)}
	}
	err = j.client.Put(ctx, write)
	if there, unmet := dynamo.Unmet(err); unmet {
		if string(dynamo.Read(there).Bytes("n")) != nonce { // else the answer was lost, not the write
			return true, nil
		}
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("%q: %w", record.Key, err)
	}
	if _, known := j.holds(record.Key); known && record.Outcome == journal.OutcomeDone && !record.UploadOpen {
		if err := j.ForgetUpload(ctx, record.Key); err != nil && !isBusy(err) { // another's upload is another's to end
			return false, err
		}
	}
	return false, nil
}

// Lookup returns the records of the keys as they are now, with one request for each
// hundred keys.
func (j *Journal) Lookup(ctx context.Context, keys []string) (map[string]journal.Record, error) {
	records := make(map[string]journal.Record, len(keys))
	wanted := make([]dynamo.Item, 0, len(keys))
	for _, key := range keys {
		if _, twice := records[key]; !twice {
			records[key] = journal.Record{}
			wanted = append(wanted, recordKey(key))
		}
	}
	clear(records)
	items, err := j.client.GetAll(ctx, j.client.Objects(), wanted)
	if err != nil {
		return nil, fmt.Errorf("journal: look up %d keys: %w", len(keys), err)
	}
	for _, item := range items {
		record, err := readRecord(item)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		records[record.Key] = record
	}
	return records, nil
}

// Scan yields all records by ascending key. DynamoDB knows no order of keys, so it reads
// the whole table into memory before it yields the first: it is for small tables, and
// nothing in a fleet needs it. The finder asks the ledger and Lookup instead.
func (j *Journal) Scan(ctx context.Context) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		var records []journal.Record
		for item, err := range j.client.Scan(ctx, j.client.Objects()) {
			record, err := recordOf(item, err)
			if err != nil {
				yield(journal.Record{}, fmt.Errorf("journal: scan: %w", err))
				return
			}
			records = append(records, record)
		}
		yieldSorted(ctx, records, yield)
	}
}

// Failures yields the records of a run whose outcome is failed, skipped, vanished or
// interrupted, by ascending key. A write of the last moments may be missing: the index lags behind.
func (j *Journal) Failures(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return j.found(ctx, failed, run)
}

// Adapted yields the records of a run that are done under another key or with changes,
// by ascending key. A write of the last moments may be missing: the index lags behind.
func (j *Journal) Adapted(ctx context.Context, run string) iter.Seq2[journal.Record, error] {
	return j.found(ctx, adapted, run)
}

func recordOf(item dynamo.Item, err error) (journal.Record, error) {
	if err != nil {
		return journal.Record{}, err
	}
	return readRecord(item)
}

func yieldSorted(ctx context.Context, records []journal.Record, yield func(journal.Record, error) bool) {
	slices.SortFunc(records, byKey)
	for _, record := range records {
		if err := ctx.Err(); err != nil {
			yield(journal.Record{}, fmt.Errorf("journal: %w", err))
			return
		}
		if !yield(record, nil) {
			return
		}
	}
}
