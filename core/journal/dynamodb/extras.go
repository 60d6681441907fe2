package dynamodb

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/internal/pack"
)

const (
	extrasPartition = "X"
	// extrasBytes bounds the keys of one item, of which DynamoDB takes 400 KB.
	extrasBytes = 256 << 10
)

// AddExtras remembers keys that only the destination has, many in one item.
func (j *Journal) AddExtras(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		var b []byte
		for len(keys) > 0 && len(b) < extrasBytes {
			b = pack.AppendString(b, keys[0])
			keys = keys[1:]
		}
		err := j.client.Put(ctx, dynamo.Write{Table: j.client.Parts(), Item: dynamo.Item{
			dynamo.Group: dynamo.Text(extrasPartition), dynamo.Member: dynamo.Text(newNonce()), "keys": dynamo.Bytes(b),
		}})
		if err != nil {
			return fmt.Errorf("journal: add extras: %w", err)
		}
	}
	return nil
}

// Extras yields them by ascending key, each once. It holds all of them in memory.
func (j *Journal) Extras(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var keys []string
		for item, err := range j.extras(ctx) {
			if err != nil {
				yield("", fmt.Errorf("journal: extras: %w", err))
				return
			}
			r := pack.NewReader(string(dynamo.Read(item).Bytes("keys")))
			for r.Len() > 0 {
				keys = append(keys, r.Text())
			}
			if r.Err() != nil {
				yield("", fmt.Errorf("journal: extras: %w", r.Err()))
				return
			}
		}
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			if !yield(key, nil) {
				return
			}
		}
	}
}

func (j *Journal) extras(ctx context.Context) iter.Seq2[dynamo.Item, error] {
	return j.client.Query(ctx, dynamo.Query{Table: j.client.Parts(), Attribute: dynamo.Group, Partition: extrasPartition})
}

// ClearExtras forgets them.
func (j *Journal) ClearExtras(ctx context.Context) error {
	var keys []dynamo.Item
	for item, err := range j.extras(ctx) {
		if err != nil {
			return fmt.Errorf("journal: clear extras: %w", err)
		}
		keys = append(keys, dynamo.Item{dynamo.Group: item[dynamo.Group], dynamo.Member: item[dynamo.Member]})
	}
	if err := j.client.DeleteAll(ctx, j.client.Parts(), keys); err != nil {
		return fmt.Errorf("journal: clear extras: %w", err)
	}
	return nil
}
