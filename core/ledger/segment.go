package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/dth-dev/dth/core/internal/pack"
)

const (
	// format is the first byte of every segment. Another layout takes another number.
	format = 1

	// maxPacked bounds a segment before compression. Fingerprints do not compress, and
	// zstd adds a few bytes at worst, so that a segment never outgrows SegmentBytes.
	maxPacked = SegmentBytes - 8<<10

	// maxKey is the longest key of any store, with room to spare.
	maxKey = 4 << 10
)

// ErrMalformed says that a segment cannot be read.
var ErrMalformed = errors.New("malformed ledger segment")

// appendEntry appends one entry: how much of the last key it shares, the rest, the
// fingerprint.
func appendEntry(b []byte, last string, entry Entry) []byte {
	shared := 0
	for shared < len(last) && shared < len(entry.Key) && last[shared] == entry.Key[shared] {
		shared++
	}
	b = pack.AppendUint(b, uint64(shared))
	b = pack.AppendString(b, entry.Key[shared:])
	return pack.AppendUint(b, entry.Versions)
}

func compress(encoder *zstd.Encoder, packed []byte) []byte {
	return encoder.EncodeAll(packed, []byte{format})
}

// segment reads the entries of one segment in order.
type segment struct {
	rest pack.Reader
	last string
}

func openSegment(decoder *zstd.Decoder, stored []byte) (segment, error) {
	if len(stored) == 0 || stored[0] != format {
		return segment{}, fmt.Errorf("%w: it does not begin with format %d", ErrMalformed, format)
	}
	packed, err := decoder.DecodeAll(stored[1:], nil)
	if err != nil {
		return segment{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return segment{rest: pack.NewReader(string(packed))}, nil
}

// next returns the next entry; false at the end.
func (s *segment) next() (Entry, bool, error) {
	if s.rest.Err() == nil && s.rest.Len() == 0 {
		return Entry{}, false, nil
	}
	shared, rest := s.rest.Uint(), s.rest.Text()
	versions := s.rest.Uint()
	if s.rest.Err() != nil || shared > uint64(len(s.last)) || len(rest) > maxKey {
		return Entry{}, false, ErrMalformed
	}
	key := s.last[:shared] + rest
	if key <= s.last && s.last != "" {
		return Entry{}, false, fmt.Errorf("%w: its keys do not ascend", ErrMalformed)
	}
	s.last = key
	return Entry{Key: key, Versions: versions}, true, nil
}

// Fingerprint returns a number that tells the versions of a pair of objects from any
// other pair of the same key: 64 bits of a hash of both ETags and what else changes
// with an object. It is the same in every process.
func Fingerprint(versions ...string) uint64 {
	digest := sha256.New()
	for _, version := range versions {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(version)))
		_, _ = digest.Write(length[:]) // never fails
		_, _ = digest.Write([]byte(version))
	}
	return binary.BigEndian.Uint64(digest.Sum(nil))
}
