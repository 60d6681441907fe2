package dynamodb

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
)

func byKey(a, b journal.Record) int { return cmp.Compare(a.Key, b.Key) }

// stretch is how many keys of one shard are looked up at a time.
const stretch = 100

// found yields the records of a run that the index finds, by ascending key: each shard
// is in order, and the shards are merged. The index holds keys alone and lags, so the
// records themselves are looked up, and one that has changed meanwhile is left out.
func (j *Journal) found(ctx context.Context, kind, run string) iter.Seq2[journal.Record, error] {
	streams := make([]iter.Seq2[journal.Record, error], shards)
	for i := range shards {
		streams[i] = j.foundShard(ctx, kind, run, i)
	}
	return journal.Merge(streams)
}

// foundShard yields the records of one shard by ascending key.
func (j *Journal) foundShard(ctx context.Context, kind, run string, shard int) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		query := dynamo.Query{Table: j.client.Objects(), Index: dynamo.IndexFailed, Attribute: dynamo.Found, Partition: partition(kind, run, shard)}
		var keys []dynamo.Item
		flush := func() bool {
			records, err := j.current(ctx, kind, run, keys)
			keys = keys[:0]
			if err != nil {
				yield(journal.Record{}, err)
				return false
			}
			more := true
			yieldSorted(ctx, records, func(record journal.Record, err error) bool {
				more = yield(record, err) && err == nil
				return more
			})
			return more
		}
		for item, err := range j.client.Query(ctx, query) {
			if err != nil {
				yield(journal.Record{}, fmt.Errorf("journal: records of run %q: %w", run, err))
				return
			}
			keys = append(keys, dynamo.Item{dynamo.Key: item[dynamo.Key]})
			if len(keys) == stretch && !flush() {
				return
			}
		}
		if len(keys) > 0 {
			flush()
		}
	}
}

// current looks up what is still to be found as the index says.
func (j *Journal) current(ctx context.Context, kind, run string, keys []dynamo.Item) ([]journal.Record, error) {
	items, err := j.client.GetAll(ctx, j.client.Objects(), keys)
	if err != nil {
		return nil, fmt.Errorf("journal: records of run %q: %w", run, err)
	}
	var records []journal.Record
	for _, item := range items {
		record, err := readRecord(item)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if record.Run == run && foundAs(record) == kind {
			records = append(records, record)
		}
	}
	return records, nil
}

// Doubts implements journal.Shared. It reads the whole index, which holds nothing of an
// object that was copied as it is.
func (j *Journal) Doubts(ctx context.Context, adaptations bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for item, err := range j.client.ScanIndex(ctx, j.client.Objects(), dynamo.IndexFailed) {
			if err != nil {
				yield("", fmt.Errorf("journal: records of objects that are not done: %w", err))
				return
			}
			key, is, err := doubted(item, adaptations)
			if (err != nil || is) && (!yield(key, err) || err != nil) {
				return
			}
		}
	}
}

// doubted returns the key of an item of the index, and whether it is of a kind that is asked for.
func doubted(item dynamo.Item, adaptations bool) (key string, is bool, err error) {
	r := dynamo.Read(item)
	key, scoped := strings.CutPrefix(string(r.Bytes(dynamo.Key)), keyScope)
	kind, _, _ := strings.Cut(r.Text(dynamo.Found), "#")
	if r.Err() == nil && !scoped {
		r.Fail(dynamo.Key)
	}
	if r.Err() != nil {
		return "", false, fmt.Errorf("journal: item of the index %s: %w", dynamo.IndexFailed, r.Err())
	}
	return key, kind == failed || adaptations && kind == adapted, nil
}
