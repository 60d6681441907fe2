// Package qetag computes the hash that Kodo shows of a body, which depends on how
// the body was uploaded.
//
// Source: https://github.com/qiniu/qetag for whole bodies; for bodies made of
// parts, EtagV2 of https://github.com/qiniu/java-sdk.
package qetag

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
)

// Block is the length of the blocks that are hashed one by one, in bytes.
const Block = 4 << 20

const (
	oneBlock   = 0x16 // 22: a block has 2^22 bytes
	manyBlocks = 0x96
	otherParts = 0x9e
)

// Part is a part's length, and the SHA-1 of each of its blocks: one at least.
type Part struct {
	Size   int64
	Blocks [][]byte
}

// Whole returns the hash of a body that came whole.
func Whole(blocks [][]byte) string {
	mark, sum := whole(blocks)
	return encode(mark, sum)
}

// Joined returns the hash of a body that came in parts. Parts of exactly one
// block each, but for a shorter last one, give the hash of the whole body; any
// others give one that only the same parts give again.
func Joined(parts []Part) string {
	blocks := make([][]byte, 0, len(parts))
	sums := make([][]byte, 0, len(parts))
	standard := true
	for i, p := range parts {
		standard = standard && p.Size <= Block && (p.Size == Block || i == len(parts)-1)
		blocks = append(blocks, p.Blocks...)
		_, sum := whole(p.Blocks)
		sums = append(sums, sum)
	}
	if standard {
		return Whole(blocks)
	}
	all := sha1.Sum(bytes.Join(sums, nil))
	return encode(otherParts, all[:])
}

func whole(blocks [][]byte) (mark byte, sum []byte) {
	if len(blocks) == 1 {
		return oneBlock, blocks[0]
	}
	all := sha1.Sum(bytes.Join(blocks, nil))
	return manyBlocks, all[:]
}

func encode(mark byte, sum []byte) string {
	return base64.URLEncoding.EncodeToString(append([]byte{mark}, sum...))
}
