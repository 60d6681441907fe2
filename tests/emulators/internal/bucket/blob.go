package bucket

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
)

// Sums says what is computed of every body beside MD5 and CRC-32 (IEEE).
type Sums struct {
	CRC64     bool // ECMA-182
	BlockSHA1 bool // SHA-1 of every 4 MiB block
}

// BlockSize is the length of the blocks in [Blob.Blocks], in bytes.
const BlockSize = 4 << 20

// inMemory is the longest body that is kept in memory, in bytes.
const inMemory = 64 << 10

// Blob is a body that was received, with its checksums.
type Blob struct {
	Size   int64
	MD5    []byte   // nil for a body joined from parts
	CRC64  uint64   // ECMA-182; 0 unless asked for
	CRC32  uint32   // IEEE
	Blocks [][]byte // SHA-1 of each block; nil unless asked for, or when parts were joined that do not end where blocks do
	Pieces []Piece
}

// Piece is a stretch of a body: in memory, or else the whole of a file.
type Piece struct {
	Size int64
	Data []byte `json:",omitempty"`
	File string `json:",omitempty"`
}

// Receive keeps a body. The caller owns the blob until [Store.Discard]. It
// returns the reader's error, having kept nothing, when reading fails.
func (s *Store) Receive(body io.Reader) (*Blob, error) {
	sums := newSummer(s.sums)
	source := io.TeeReader(body, sums)
	var first bytes.Buffer
	if _, err := io.CopyN(&first, source, inMemory+1); errors.Is(err, io.EOF) {
		blob := sums.blob()
		blob.Pieces = []Piece{{Size: blob.Size, Data: first.Bytes()}}
		return blob, nil
	} else if err != nil {
		return nil, err
	}
	name, err := s.spool.write(io.MultiReader(&first, source))
	if err != nil {
		return nil, err
	}
	blob := sums.blob()
	blob.Pieces = []Piece{{Size: blob.Size, File: name}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spool.holds[name]++
	return blob, nil
}

// summer computes the sums of a body.
type summer struct {
	size   int64
	md5    hash.Hash
	crc32  hash.Hash32
	crc64  hash.Hash64
	block  hash.Hash // nil unless asked for
	blocks [][]byte
	filled int
}

func newSummer(sums Sums) *summer {
	s := &summer{md5: md5.New(), crc32: crc32.NewIEEE()}
	if sums.CRC64 {
		s.crc64 = crc64.New(ecma)
	}
	if sums.BlockSHA1 {
		s.block = sha1.New()
	}
	return s
}

func (s *summer) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	s.md5.Write(p)
	s.crc32.Write(p)
	if s.crc64 != nil {
		s.crc64.Write(p)
	}
	for rest := p; s.block != nil && len(rest) > 0; {
		n := min(len(rest), BlockSize-s.filled)
		s.block.Write(rest[:n])
		rest = rest[n:]
		if s.filled += n; s.filled == BlockSize {
			s.endBlock()
		}
	}
	return len(p), nil
}

func (s *summer) endBlock() {
	s.blocks = append(s.blocks, s.block.Sum(nil))
	s.block.Reset()
	s.filled = 0
}

func (s *summer) blob() *Blob {
	if s.block != nil && (s.filled > 0 || len(s.blocks) == 0) {
		s.endBlock()
	}
	b := &Blob{Size: s.size, MD5: s.md5.Sum(nil), CRC32: s.crc32.Sum32(), Blocks: s.blocks}
	if s.crc64 != nil {
		b.CRC64 = s.crc64.Sum64()
	}
	return b
}

// join returns the body that the given ones make one after another. No byte is
// copied: the result has their pieces.
func join(blobs []*Blob) *Blob {
	whole := &Blob{}
	aligned := true
	after32, after64 := appender(crc32.IEEE, 32), appender(crc64.ECMA, 64)
	for _, b := range blobs {
		aligned = aligned && whole.Size%BlockSize == 0 && b.Blocks != nil
		whole.Blocks = append(whole.Blocks, b.Blocks...)
		whole.CRC32 = uint32(after32(uint64(whole.CRC32), uint64(b.CRC32), b.Size))
		whole.CRC64 = after64(whole.CRC64, b.CRC64, b.Size)
		whole.Pieces = append(whole.Pieces, b.Pieces...)
		whole.Size += b.Size
	}
	if !aligned {
		whole.Blocks = nil
	}
	return whole
}
