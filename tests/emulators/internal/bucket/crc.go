package bucket

import (
	"hash/crc64"
	"slices"
)

var ecma = crc64.MakeTable(crc64.ECMA)

// appender returns a function that gives the CRC of two bodies one after the
// other, from the CRC of each and the second one's length. polynomial is in the
// reversed form that hash/crc32 and hash/crc64 use; both complement the register
// before and after, which cancels out here.
func appender(polynomial uint64, bits int) func(first, second uint64, length int64) uint64 {
	known := map[int64][]uint64{} // most parts of an upload have one length
	return func(first, second uint64, length int64) uint64 {
		shift, ok := known[length]
		if !ok {
			shift = zeros(polynomial, bits, length)
			known[length] = shift
		}
		return times(shift, first) ^ second
	}
}

// zeros returns what that many zero bytes do to the register, as a matrix over
// GF(2) given by its columns.
func zeros(polynomial uint64, bits int, length int64) []uint64 {
	step := make([]uint64, bits) // one zero bit
	step[0] = polynomial
	for i := 1; i < bits; i++ {
		step[i] = 1 << (i - 1)
	}
	total := make([]uint64, bits) // none
	for i := range total {
		total[i] = 1 << i
	}
	for n := length * 8; n > 0; n >>= 1 {
		if n&1 == 1 {
			for i, column := range total {
				total[i] = times(step, column)
			}
		}
		step = square(step)
	}
	return total
}

// times applies a matrix over GF(2), given by its columns.
func times(matrix []uint64, vector uint64) uint64 {
	var product uint64
	for i := range matrix {
		if vector>>i&1 == 1 {
			product ^= matrix[i]
		}
	}
	return product
}

func square(matrix []uint64) []uint64 {
	squared := slices.Clone(matrix)
	for i, column := range matrix {
		squared[i] = times(matrix, column)
	}
	return squared
}
