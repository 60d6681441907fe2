package checksum

import (
	"encoding/binary"

	"github.com/dth-dev/dth/sdk/driver"
)

// Reflected polynomials. CRC64NVME: NVM Express specification, NVM command set,
// "64b CRC". CRC64ECMA: ECMA-182. CRC32C: RFC 3720 appendix B.4.
const (
	polynomialCRC64NVME = 0x9a6c9329ac4bc9b5
	polynomialCRC64ECMA = 0xc96c5795d7870f42
	polynomialCRC32C    = 0x82f63b78
	polynomialCRC32     = 0xedb88320
)

// Part is what is known of a part of an object.
type Part struct {
	Checksum driver.Checksum // as PartSums returns it
	Size     int64           // bytes
}

// Join returns the checksums of an object that follow from those of its parts, the
// one that a store states of such an object first; none where the algorithm
// knows no way from the parts to the whole.
func Join(parts []Part) []driver.Checksum {
	if len(parts) == 0 {
		return nil
	}
	whole := parts[0].Checksum
	if whole.Algorithm == driver.AlgorithmQETag {
		return joinQETags(parts)
	}
	for _, part := range parts[1:] {
		var ok bool
		if whole, ok = Combine(whole, part.Checksum, part.Size); !ok {
			return nil
		}
	}
	if !OfBytes(whole) {
		return nil
	}
	return []driver.Checksum{whole}
}

// Joinable says whether the checksum of a whole follows from those of its parts.
func Joinable(algorithm driver.Algorithm) bool {
	switch algorithm {
	case driver.AlgorithmCRC64NVME, driver.AlgorithmCRC64ECMA, driver.AlgorithmCRC32C, driver.AlgorithmCRC32, driver.AlgorithmQETag:
		return true
	}
	return false
}

// Combine returns the checksum of two byte strings laid end to end, from the
// checksum of each and the length of the second in bytes. It reports false
// when the algorithm is not a CRC or the two do not match.
func Combine(first, second driver.Checksum, secondLength int64) (driver.Checksum, bool) {
	if first.Algorithm != second.Algorithm || len(first.Value) != len(second.Value) || first.Composite || second.Composite {
		return driver.Checksum{}, false
	}
	var polynomial uint64
	switch first.Algorithm {
	case driver.AlgorithmCRC64NVME:
		polynomial = polynomialCRC64NVME
	case driver.AlgorithmCRC64ECMA:
		polynomial = polynomialCRC64ECMA
	case driver.AlgorithmCRC32C:
		polynomial = polynomialCRC32C
	case driver.AlgorithmCRC32:
		polynomial = polynomialCRC32
	default:
		return driver.Checksum{}, false
	}
	a, ok := decode(first.Value)
	if !ok {
		return driver.Checksum{}, false
	}
	b, _ := decode(second.Value)
	combined := shift(polynomial, a, secondLength) ^ b
	return driver.Checksum{Algorithm: first.Algorithm, Value: encode(combined, len(first.Value))}, true
}

func decode(value string) (uint64, bool) {
	switch len(value) {
	case 4:
		return uint64(binary.BigEndian.Uint32([]byte(value))), true
	case 8:
		return binary.BigEndian.Uint64([]byte(value)), true
	}
	return 0, false
}

func encode(crc uint64, width int) string {
	if width == 4 {
		return string(binary.BigEndian.AppendUint32(nil, uint32(crc)))
	}
	return string(binary.BigEndian.AppendUint64(nil, crc))
}

// matrix is a linear map over GF(2): entry i is the image of bit i. The
// register of a reflected CRC keeps the highest power in bit 0.
type matrix [64]uint64

func (m *matrix) apply(vector uint64) uint64 {
	var sum uint64
	for i := 0; vector != 0; i, vector = i+1, vector>>1 {
		if vector&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) square() *matrix {
	var squared matrix
	for i := range m {
		squared[i] = m.apply(m[i])
	}
	return &squared
}

// shift returns the register after length zero bytes: it raises the map of one
// zero bit to the power 8*length by squaring.
func shift(polynomial, crc uint64, length int64) uint64 {
	step := &matrix{0: polynomial}
	for i := 1; i < len(step); i++ {
		step[i] = 1 << (i - 1)
	}
	step = step.square().square().square() // one zero byte
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			crc = step.apply(crc)
		}
		step = step.square()
	}
	return crc
}
