package ledger

import (
	"context"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Writer writes one generation of a ledger. It is for one goroutine.
type Writer struct {
	store            Store
	name, generation string
	encoder          *zstd.Encoder
	packed           []byte
	last             string
	segments         int
}

// NewWriter begins a generation, whose name must not have been used before.
func NewWriter(store Store, name, generation string) (*Writer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &Writer{store: store, name: name, generation: generation, encoder: encoder}, nil
}

// Add adds an entry. Keys must ascend.
func (w *Writer) Add(ctx context.Context, entry Entry) error {
	if len(w.packed)+len(entry.Key)+32 > maxPacked {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.packed = appendEntry(w.packed, w.last, entry)
	w.last = entry.Key
	return nil
}

func (w *Writer) flush(ctx context.Context) error {
	if len(w.packed) == 0 {
		return nil
	}
	err := w.store.WriteSegment(ctx, w.name, w.generation, w.segments, compress(w.encoder, w.packed))
	w.packed, w.last = w.packed[:0], ""
	w.segments++
	return err
}

// Complete makes this generation the ledger. Without it the one before stays.
func (w *Writer) Complete(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.store.CompleteLedger(ctx, w.name, w.generation, w.segments)
}
