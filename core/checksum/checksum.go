// Package checksum computes the checksums that object stores keep while bytes
// stream by, and joins those of parts into that of the whole.
package checksum

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/minio/crc64nvme"
)

// Hasher computes several checksums of one stream. It is for one goroutine.
type Hasher struct {
	algorithms []driver.Algorithm
	hashes     []hash.Hash
}

// NewHasher returns a hasher for the algorithms that can be computed from the
// bytes alone; others and repetitions are left out.
func NewHasher(algorithms ...driver.Algorithm) *Hasher {
	h := &Hasher{}
	for _, algorithm := range algorithms {
		if h.has(algorithm) {
			continue
		}
		if digest := newHash(algorithm); digest != nil {
			h.algorithms = append(h.algorithms, algorithm)
			h.hashes = append(h.hashes, digest)
		}
	}
	return h
}

func (h *Hasher) has(algorithm driver.Algorithm) bool {
	for _, present := range h.algorithms {
		if present == algorithm {
			return true
		}
	}
	return false
}

func newHash(algorithm driver.Algorithm) hash.Hash {
	switch algorithm {
	case driver.AlgorithmCRC64NVME:
		return crc64nvme.New()
	case driver.AlgorithmCRC64ECMA:
		return crc64.New(crc64.MakeTable(crc64.ECMA))
	case driver.AlgorithmCRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case driver.AlgorithmCRC32:
		return crc32.NewIEEE()
	case driver.AlgorithmMD5:
		return md5.New()
	case driver.AlgorithmSHA1:
		return sha1.New()
	case driver.AlgorithmSHA256:
		return sha256.New()
	case driver.AlgorithmQETag:
		return newQETag()
	}
	return nil
}

// Computable says whether the algorithm can be computed from the bytes alone.
func Computable(algorithm driver.Algorithm) bool { return newHash(algorithm) != nil }

// Write adds bytes; it never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	for _, digest := range h.hashes {
		_, _ = digest.Write(p) // hash.Hash never returns an error
	}
	return len(p), nil
}

// Sums returns the checksums of the bytes so far, in the order of NewHasher.
func (h *Hasher) Sums() []driver.Checksum {
	sums := make([]driver.Checksum, len(h.hashes))
	for i, digest := range h.hashes {
		sums[i] = driver.Checksum{Algorithm: h.algorithms[i], Value: string(digest.Sum(nil))}
	}
	return sums
}

// PartSums is Sums for a part, as Join needs it: a qetag is followed by the SHA-1 of
// each block of the part where it has several. Bare takes that off again.
func (h *Hasher) PartSums() []driver.Checksum {
	sums := h.Sums()
	for i, digest := range h.hashes {
		if q, ok := digest.(*qetag); ok {
			sums[i].Value = q.partValue()
		}
	}
	return sums
}

// Bare returns a checksum as stores state it.
func Bare(sum driver.Checksum) driver.Checksum {
	if sum.Algorithm == driver.AlgorithmQETag && len(sum.Value) > qetagSize {
		sum.Value = sum.Value[:qetagSize]
	}
	return sum
}

// OfBytes says whether the checksum depends on nothing but the bytes: it is not one
// of the checksums of parts, marked so or not.
func OfBytes(sum driver.Checksum) bool {
	return !sum.IsZero() && !sum.Composite && (sum.Algorithm != driver.AlgorithmQETag || isQETag(sum.Value))
}

// Find returns the full-object checksum with the algorithm, or the zero value.
func Find(sums []driver.Checksum, algorithm driver.Algorithm) driver.Checksum {
	for _, sum := range sums {
		if sum.Algorithm == algorithm && OfBytes(sum) {
			return sum
		}
	}
	return driver.Checksum{}
}
