package bucket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Body reads a blob. One goroutine may use it at a time.
type Body struct {
	store  *Store
	blob   *Blob
	offset int64
	source io.ReadSeekCloser
}

// Seek sets where the next Read begins.
func (b *Body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.blob.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: before the body's start", offset)
	}
	b.offset = offset
	return offset, b.leave()
}

// Read reads the next bytes.
func (b *Body) Read(p []byte) (int, error) {
	for {
		if b.source == nil {
			if err := b.enter(); err != nil {
				return 0, err
			}
		}
		n, err := b.source.Read(p)
		b.offset += int64(n)
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if !errors.Is(err, io.EOF) {
			return 0, err
		}
		if err := b.leave(); err != nil {
			return 0, err
		}
	}
}

// enter opens the piece that holds the offset, which is a piece's start when the
// one before it was read to its end.
func (b *Body) enter() error {
	start := int64(0)
	for _, p := range b.blob.Pieces {
		if b.offset < start+p.Size {
			source, err := p.open(b.store.spool.dir)
			if err != nil {
				return err
			}
			b.source = source
			_, err = source.Seek(b.offset-start, io.SeekStart)
			return err
		}
		start += p.Size
	}
	return io.EOF
}

func (b *Body) leave() error {
	if b.source == nil {
		return nil
	}
	err := b.source.Close()
	b.source = nil
	return err
}

// Close gives up the body.
func (b *Body) Close() error {
	err := b.leave()
	b.store.Discard(b.blob)
	return err
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func (p Piece) open(dir string) (io.ReadSeekCloser, error) {
	if p.File == "" {
		return memory{bytes.NewReader(p.Data)}, nil
	}
	return os.Open(filepath.Join(dir, p.File))
}
