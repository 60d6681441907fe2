package checksum

import (
	"crypto/sha1"
	"hash"

	"github.com/dth-dev/dth/sdk/driver"
)

// The first byte of a qetag says what the other 20 are. Sources:
// https://github.com/qiniu/qetag for bodies that came whole, EtagV2 of
// https://github.com/qiniu/java-sdk for bodies that came in parts.
const (
	qetagOneBlock = 0x16 // SHA-1 of the bytes, at most one block
	qetagBlocks   = 0x96 // SHA-1 of the SHA-1s of all blocks
	qetagParts    = 0x9e // SHA-1 of the qetags of all parts, each without its first byte

	qetagSize  = 1 + sha1.Size
	qetagBlock = 4 << 20 // bytes in every block but the last
)

// qetag computes the qetag of a body that comes whole. It keeps 20 bytes a block.
type qetag struct {
	blocks []byte // SHA-1s of the full blocks
	block  hash.Hash
	filled int // bytes in block
}

func newQETag() *qetag { return &qetag{block: sha1.New()} }

// Write implements hash.Hash.
func (q *qetag) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), qetagBlock-q.filled)
		_, _ = q.block.Write(rest[:n]) // hash.Hash never returns an error
		q.filled += n
		rest = rest[n:]
		if q.filled == qetagBlock {
			q.blocks = q.block.Sum(q.blocks)
			q.block.Reset()
			q.filled = 0
		}
	}
	return len(p), nil
}

// sums returns the SHA-1s of all blocks, of which even an empty body has one.
func (q *qetag) sums() []byte {
	sums := q.blocks[:len(q.blocks):len(q.blocks)]
	if q.filled > 0 || len(sums) == 0 {
		sums = q.block.Sum(sums)
	}
	return sums
}

// Sum implements hash.Hash.
func (q *qetag) Sum(b []byte) []byte { return append(b, qetagOf(q.sums())...) }

// Reset implements hash.Hash.
func (q *qetag) Reset() {
	q.block.Reset()
	q.blocks, q.filled = nil, 0
}

// Size implements hash.Hash.
func (q *qetag) Size() int { return qetagSize }

// BlockSize implements hash.Hash.
func (q *qetag) BlockSize() int { return qetagBlock }

// qetagOf returns the qetag of a body from the SHA-1s of its blocks.
func qetagOf(blocks []byte) string {
	if len(blocks) == sha1.Size {
		return string([]byte{qetagOneBlock}) + string(blocks)
	}
	sum := sha1.Sum(blocks)
	return string([]byte{qetagBlocks}) + string(sum[:])
}

// partValue is a part's qetag as the journal keeps it: followed by the SHA-1s of
// its blocks where there are several.
func (q *qetag) partValue() string {
	blocks := q.sums()
	if len(blocks) == sha1.Size {
		return qetagOf(blocks)
	}
	return qetagOf(blocks) + string(blocks)
}

// partBlocks returns the SHA-1s of a part's blocks from its partValue; empty where
// only its qetag is known.
func partBlocks(value string) string {
	if len(value) == qetagSize && value[0] == qetagOneBlock {
		return value[1:]
	}
	return value[qetagSize:]
}

// isQETag says whether a value is what Bare or PartSums return of a body.
func isQETag(value string) bool {
	return len(value) >= qetagSize && (len(value)-qetagSize)%sha1.Size == 0 && (value[0] == qetagOneBlock || value[0] == qetagBlocks)
}

// joinQETags returns what Kodo states of an object that came in these parts. Parts
// of one block each, but for a shorter last one, leave no trace in it. Of others it
// is a hash of the parts; the qetag of the bytes comes after it where it is known,
// for the vendor's own libraries disagree on a last part of several blocks.
func joinQETags(parts []Part) []driver.Checksum {
	var blocks []byte
	ofParts := sha1.New()
	oneBlockEach, blocksKnown := true, true
	for i, part := range parts {
		value, last := part.Checksum.Value, i == len(parts)-1
		if !isQETag(value) {
			return nil
		}
		known := partBlocks(value)
		full := part.Size%qetagBlock == 0 && part.Size > 0
		oneBlockEach = oneBlockEach && part.Size <= qetagBlock && (full || last)
		blocksKnown = blocksKnown && known != "" && (full || last)
		if part.Size > 0 || len(parts) == 1 { // an empty part after others adds no block
			blocks = append(blocks, known...)
		}
		_, _ = ofParts.Write([]byte(value[1:qetagSize])) // hash.Hash never returns an error
	}
	var joined []driver.Checksum
	if !oneBlockEach {
		joined = append(joined, driver.Checksum{
			Algorithm: driver.AlgorithmQETag, Composite: true, Value: string(ofParts.Sum([]byte{qetagParts})),
		})
	}
	if blocksKnown {
		joined = append(joined, driver.Checksum{Algorithm: driver.AlgorithmQETag, Value: qetagOf(blocks)})
	}
	return joined
}
