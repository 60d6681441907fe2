package checksum

import "github.com/dth-dev/dth/sdk/driver"

// Verdict is what comparing two sets of checksums says.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // nothing in common
	Equal
	Different
)

// Compare compares what is known of the bytes of two objects: Equal or Different
// when both sets have an algorithm in common (one difference decides), Unknown
// otherwise. Hashes of parts say nothing of the bytes, but that equal qetags of
// parts are of equal parts.
func Compare(a, b []driver.Checksum) Verdict { return compare(a, b, false) }

// CompareWritten compares what was computed of bytes that were sent with what the
// store states of the object it made of them. The parts are the same then, and so
// are hashes of parts, or else Different.
func CompareWritten(sent, stated []driver.Checksum) Verdict { return compare(sent, stated, true) }

func compare(a, b []driver.Checksum, sameParts bool) Verdict {
	verdict := Unknown
	for _, x := range a {
		for _, y := range b {
			switch compareOne(Bare(x), Bare(y), sameParts) {
			case Different:
				return Different
			case Equal:
				verdict = Equal
			}
		}
	}
	return verdict
}

func compareOne(x, y driver.Checksum, sameParts bool) Verdict {
	switch {
	case x.IsZero() || x.Algorithm != y.Algorithm:
		return Unknown
	case OfBytes(x) && OfBytes(y):
		if x.Value == y.Value {
			return Equal
		}
		return Different
	case !isQETagOfParts(x) || !isQETagOfParts(y):
		return Unknown
	case x.Value == y.Value:
		return Equal
	case sameParts:
		return Different
	}
	return Unknown
}

// isQETagOfParts says so whether or not the checksum is marked as composite.
func isQETagOfParts(sum driver.Checksum) bool {
	return sum.Algorithm == driver.AlgorithmQETag && len(sum.Value) == qetagSize && sum.Value[0] == qetagParts
}
