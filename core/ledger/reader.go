package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/klauspost/compress/zstd"
)

// Reader reads the newest complete ledger beside a merge. It is for one goroutine and
// holds one segment at a time.
type Reader struct {
	decoder *zstd.Decoder
	pull    func() ([]byte, error, bool)
	stop    func()
	current segment
	head    Entry
	any     bool // head is valid
	ended   bool
}

// NewReader begins to read. The caller closes the reader.
func NewReader(ctx context.Context, store Store, name string) (*Reader, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*SegmentBytes), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	r := &Reader{decoder: decoder}
	r.pull, r.stop = iter.Pull2(store.ReadSegments(ctx, name))
	return r, nil
}

// Close ends the reading.
func (r *Reader) Close() {
	r.stop()
	r.decoder.Close()
}

// Find returns the fingerprint of a key. Keys must be asked for in ascending order.
func (r *Reader) Find(key string) (versions uint64, found bool, err error) {
	for !r.ended && (!r.any || r.head.Key < key) {
		if err := r.advance(); err != nil {
			return 0, false, err
		}
	}
	if r.ended || r.head.Key != key {
		return 0, false, nil
	}
	return r.head.Versions, true, nil
}

// advance moves to the next entry, over segments.
func (r *Reader) advance() error {
	for {
		entry, more, err := r.current.next()
		if err != nil {
			return err
		}
		if more {
			r.head, r.any = entry, true
			return nil
		}
		stored, err, more := r.pull()
		if errors.Is(err, ErrIncomplete) {
			r.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		if !more {
			r.ended = true
			return nil
		}
		if r.current, err = openSegment(r.decoder, stored); err != nil {
			return err
		}
	}
}
