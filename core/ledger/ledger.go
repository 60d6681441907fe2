// Package ledger remembers, in key order and in few bytes, which versions of source
// and destination were found or made equal, so that a finder which cannot compare
// ETags need not look up a record for each unchanged key.
package ledger

import (
	"context"
	"errors"
	"iter"
)

// Entry is one key whose destination held the source's version.
type Entry struct {
	Key string // relative
	// Versions is a fingerprint of the source's and the destination's version.
	Versions uint64
}

// ErrIncomplete says that a segment of the newest ledger is missing: it is of no use, as
// if there were none.
var ErrIncomplete = errors.New("a segment of the ledger is missing")

// Store keeps the segments of ledgers. A ledger is written anew by each complete
// listing, and replaces the one before it when it is whole.
type Store interface {
	// ReadSegments yields the segments of the newest complete ledger of a name, in the
	// order they were written; none where there is no such ledger.
	ReadSegments(ctx context.Context, name string) iter.Seq2[[]byte, error]
	// WriteSegment adds one segment, of at most SegmentBytes, to a ledger that is not
	// complete yet. number counts from 0.
	WriteSegment(ctx context.Context, name, generation string, number int, segment []byte) error
	// CompleteLedger makes the generation, of so many segments, the newest, and forgets
	// the one before it.
	CompleteLedger(ctx context.Context, name, generation string, segments int) error
}

// SegmentBytes is the size of the largest segment: an item of DynamoDB takes 400 KB.
const SegmentBytes = 380 << 10
