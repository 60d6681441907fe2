package main

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"

	"github.com/minio/crc64nvme"
)

// pattern is what every synthetic object is made of: an object of n bytes is
// its first n bytes, repeated. A part that begins at a multiple of the pattern's
// length therefore holds the same bytes as an object of the part's size.
var pattern = func() []byte {
	random := rand.NewChaCha8([32]byte{'d', 't', 'h'})
	bytes := make([]byte, 1<<20)
	_, _ = random.Read(bytes)
	return bytes
}()

// digest holds the checksums of a synthetic object.
type digest struct {
	crc  uint64
	etag string // MD5 in quotes
}

// digests remembers them by size: computing MD5 is by far the dearest thing
// that a store does, so each size is computed once.
type digests struct {
	mu     sync.Mutex
	bySize map[int64]digest
}

func (d *digests) ofSize(size int64) digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.bySize[size]; ok {
		return known
	}
	hash, crc := md5.New(), uint64(0)
	for left := size; left > 0; {
		piece := pattern[:min(left, int64(len(pattern)))]
		hash.Write(piece)
		crc = crc64nvme.Update(crc, piece)
		left -= int64(len(piece))
	}
	computed := digest{crc: crc, etag: `"` + hex.EncodeToString(hash.Sum(nil)) + `"`}
	if d.bySize == nil {
		d.bySize = map[int64]digest{}
	}
	d.bySize[size] = computed
	return computed
}

// ofBody returns the digest of a received body from its length and CRC: the
// true MD5 where the bytes are synthetic, else an ETag that no client takes for
// an MD5.
func (d *digests) ofBody(size int64, crc uint64) digest {
	if known := d.ofSize(size); known.crc == crc {
		return known
	}
	return digest{crc: crc, etag: `"` + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, crc)) + `-0"`}
}

func (d digest) crcText() string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, d.crc))
}
