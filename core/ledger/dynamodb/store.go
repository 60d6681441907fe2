// Package dynamodb keeps the ledgers of a fleet's finder in its table.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/ledger"
)

// A segment is an item in a partition of its own, since a partition takes 1,000 writes
// of 1 KB a second and a segment is 380. The item G#<name> says which generation is the newest.

const day = 24 * time.Hour

// keep is how long a segment is kept that nobody deletes: those of a generation that was
// never completed, and those of a finder that does not run any more. A ledger that is
// younger than spare before that end is whole still; an older one is none.
const (
	keep  = 30 * day
	spare = 5 * day // longer than any listing
)

// ahead is how many segments are read before they are asked for: more than 1 MB.
const ahead = 3

// Store implements ledger.Store.
type Store struct{ client *dynamo.Client }

var _ ledger.Store = (*Store)(nil)

// New returns the store in the tables of client.
func New(client *dynamo.Client) *Store { return &Store{client: client} }

func headKey(name string) dynamo.Item {
	return dynamo.Item{dynamo.Group: dynamo.Text("G#" + name), dynamo.Member: dynamo.Text("#")}
}

func segmentKey(name, generation string, number int) dynamo.Item {
	return dynamo.Item{
		dynamo.Group:  dynamo.Text(fmt.Sprintf("G#%s#%s#%d", name, generation, number)),
		dynamo.Member: dynamo.Text("#"),
	}
}

// ReadSegments yields the segments of the newest complete ledger of a name, in the order
// they were written; none where there is no such ledger. It reads a few ahead.
func (s *Store) ReadSegments(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		generation, count, err := s.newest(ctx, name)
		if err != nil {
			yield(nil, fmt.Errorf("ledger %q: %w", name, err))
			return
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		coming := make(chan chan read, ahead)
		for next := 0; next < min(ahead, count); next++ {
			coming <- s.fetch(ctx, name, generation, next)
		}
		for number := range count {
			got := <-<-coming
			if got.err != nil {
				yield(nil, fmt.Errorf("ledger %q: segment %d: %w", name, number, got.err))
				return
			}
			if number+ahead < count {
				coming <- s.fetch(ctx, name, generation, number+ahead)
			}
			if !yield(got.segment, nil) {
				return
			}
		}
	}
}

// read is what became of a fetch.
type read struct {
	segment []byte
	err     error
}

// fetch reads a segment aside. The channel takes the result, awaited or not.
func (s *Store) fetch(ctx context.Context, name, generation string, number int) chan read {
	result := make(chan read, 1)
	go func() {
		item, err := s.client.Get(ctx, s.client.Parts(), segmentKey(name, generation, number))
		if err == nil && len(item) == 0 {
			err = ledger.ErrIncomplete
		}
		r := dynamo.Read(item)
		segment := r.Bytes("b")
		result <- read{segment, errors.Join(err, r.Err())}
	}()
	return result
}

// newest returns the generation of the newest ledger and how many segments it has; 0
// where there is none any more.
func (s *Store) newest(ctx context.Context, name string) (string, int, error) {
	item, err := s.client.Get(ctx, s.client.Parts(), headKey(name))
	if err != nil {
		return "", 0, err
	}
	r := dynamo.Read(item)
	generation, count, until := r.Text("gen"), int(r.Int("cnt")), r.Int("until")
	if r.Err() != nil || until < s.client.Now().Unix() {
		return "", 0, r.Err()
	}
	return generation, count, nil
}

// WriteSegment adds one segment, of at most ledger.SegmentBytes, to a ledger that is not
// complete yet. number counts from 0.
func (s *Store) WriteSegment(ctx context.Context, name, generation string, number int, segment []byte) error {
	if len(segment) > ledger.SegmentBytes {
		return fmt.Errorf("ledger %q: a segment of %d bytes is larger than the largest, %d", name, len(segment), ledger.SegmentBytes)
	}
	item := segmentKey(name, generation, number)
	item["b"] = dynamo.Bytes(segment)
	item[dynamo.Expires] = dynamo.Seconds(s.client.Now().Add(keep))
	if err := s.client.Put(ctx, dynamo.Write{Table: s.client.Parts(), Item: item}); err != nil {
		return fmt.Errorf("ledger %q: write segment %d: %w", name, number, err)
	}
	return nil
}

// CompleteLedger makes the generation, of so many segments, the newest, with one write,
// and then deletes the one before it. Where it dies between the two, TTL deletes them.
func (s *Store) CompleteLedger(ctx context.Context, name, generation string, segments int) error {
	item := headKey(name)
	item["gen"] = dynamo.Text(generation)
	item["cnt"] = dynamo.Int(int64(segments))
	item["until"] = dynamo.Seconds(s.client.Now().Add(keep - spare))
	before, err := s.client.Replace(ctx, dynamo.Write{Table: s.client.Parts(), Item: item})
	if err != nil {
		return fmt.Errorf("ledger %q: complete generation %q: %w", name, generation, err)
	}
	r := dynamo.Read(before)
	old, count := r.Text("gen"), int(r.Int("cnt"))
	if r.Err() != nil {
		return fmt.Errorf("ledger %q: the generation before %q: %w", name, generation, r.Err())
	}
	if old == generation { // a repetition
		return nil
	}
	keys := make([]dynamo.Item, count)
	for number := range keys {
		keys[number] = segmentKey(name, old, number)
	}
	if err := s.client.DeleteAll(ctx, s.client.Parts(), keys); err != nil {
		return fmt.Errorf("ledger %q: delete generation %q: %w", name, old, err)
	}
	return nil
}
