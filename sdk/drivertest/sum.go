package drivertest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/minio/crc64nvme"
)

// sum returns the checksum of body, and false for algorithms that depend on more
// than the bytes.
func sum(algorithm driver.Algorithm, body []byte) (driver.Checksum, bool) {
	var value []byte
	switch algorithm {
	case driver.AlgorithmCRC64NVME:
		value = binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(body))
	case driver.AlgorithmCRC64ECMA:
		value = binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)))
	case driver.AlgorithmCRC32C:
		value = binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	case driver.AlgorithmCRC32:
		value = binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
	case driver.AlgorithmMD5:
		hash := md5.Sum(body)
		value = hash[:]
	case driver.AlgorithmSHA1:
		hash := sha1.Sum(body)
		value = hash[:]
	case driver.AlgorithmQETag:
		value = qetag(body)
	case driver.AlgorithmSHA256:
		hash := sha256.Sum256(body)
		value = hash[:]
	default:
		return driver.Checksum{}, false
	}
	return driver.Checksum{Algorithm: algorithm, Value: string(value)}, true
}

// qetag returns Qiniu's hash of a body that came whole: see [driver.AlgorithmQETag].
func qetag(body []byte) []byte {
	var sums []byte
	for block := range slices.Chunk(body, 4<<20) {
		hash := sha1.Sum(block)
		sums = append(sums, hash[:]...)
	}
	switch len(sums) {
	case 0:
		hash := sha1.Sum(nil)
		return append([]byte{0x16}, hash[:]...)
	case sha1.Size:
		return append([]byte{0x16}, sums...)
	}
	hash := sha1.Sum(sums)
	return append([]byte{0x96}, hash[:]...)
}

// ofParts says whether a checksum is one of the parts' checksums. A qetag says so by
// itself.
func ofParts(c driver.Checksum) bool {
	return c.Composite || c.Algorithm == driver.AlgorithmQETag && strings.HasPrefix(c.Value, "\x9e")
}

// checkEvidence checks what a store says of an object that one PUT wrote: it
// must show at least one checksum that it claims to keep, and all must be true.
func (k *check) checkEvidence(op, key, etag string, checksums []driver.Checksum, body []byte) {
	k.checkChecksums(op, key, checksums, body)
	declared := k.session.Checksums
	kept := slices.ContainsFunc(checksums, func(c driver.Checksum) bool { return slices.Contains(declared.Stored, c.Algorithm) })
	if len(declared.Stored) > 0 && !kept {
		k.errorf("%s %q shows none of the checksums that the session declares as stored (%v)", op, key, declared.Stored)
	}
	hash := md5.Sum(body)
	if declared.ETagMD5 && !strings.EqualFold(etag, hex.EncodeToString(hash[:])) {
		k.errorf("%s %q has ETag %q, which is not the MD5 of the bytes as the session declares", op, key, etag)
	}
}

// checkChecksums checks that no checksum lies.
func (k *check) checkChecksums(op, key string, checksums []driver.Checksum, body []byte) {
	for _, got := range checksums {
		want, can := sum(got.Algorithm, body)
		if can && !ofParts(got) && got.Value != want.Value {
			k.errorf("%s %q shows %s %x, the bytes have %x", op, key, got.Algorithm, got.Value, want.Value)
		}
	}
}
