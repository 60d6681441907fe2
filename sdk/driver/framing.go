package driver

import (
	"strconv"
	"strings"
)

// DefaultChunkSize is the length of a full chunk under FramingTrailer where a
// framing does not say it: the size that Amazon S3's own clients use.
const DefaultChunkSize = 64 << 10

// Length returns the exact length of the request body that carries size object
// bytes: what Content-Length says and, on some stores, what is signed.
func (f Framing) Length(size int64) int64 {
	switch f.Kind {
	case FramingForm:
		return int64(len(f.Prefix)) + size + int64(len(f.Suffix))
	case FramingTrailer:
		full := int64(f.ChunkSize)
		if full <= 0 {
			full = DefaultChunkSize
		}
		length := size / full * chunkLength(full)
		if rest := size % full; rest > 0 {
			length += chunkLength(rest)
		}
		value := (int64(f.TrailerChecksum.Size()) + 2) / 3 * 4 // base64
		return length + int64(len("0\r\n")+len(f.TrailerName)+len(":")) + value + int64(len("\r\n\r\n"))
	}
	return size
}

// chunkLength returns the length of one chunk with its frame: the size in
// lower-case hex, CR LF, the bytes, CR LF.
func chunkLength(size int64) int64 {
	return int64(len(strconv.FormatInt(size, 16))) + 2 + size + 2
}

// Size returns the length of the algorithm's raw value in bytes, 0 where it has
// no fixed one.
func (a Algorithm) Size() int {
	switch a {
	case AlgorithmCRC64NVME, AlgorithmCRC64ECMA:
		return 8
	case AlgorithmCRC32C, AlgorithmCRC32:
		return 4
	case AlgorithmMD5:
		return 16
	case AlgorithmSHA1:
		return 20
	case AlgorithmSHA256:
		return 32
	}
	return 0
}

// WithoutChunked takes the coding of FramingTrailer off a Content-Encoding: it belongs to
// the transfer, but some stores keep it and tell it as the object's.
func WithoutChunked(encoding string) string {
	if !strings.Contains(encoding, "aws-chunked") {
		return encoding
	}
	var kept []string
	for name := range strings.SplitSeq(encoding, ",") {
		if name = strings.TrimSpace(name); name != "aws-chunked" && name != "" {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, ",")
}
