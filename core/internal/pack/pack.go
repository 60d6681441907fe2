// Package pack lays strings, numbers and times end to end in few bytes, and
// reads them back from bytes that nobody vouches for.
package pack

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrMalformed says that the bytes are not what the Append functions wrote.
var ErrMalformed = errors.New("malformed or truncated")

// AppendUint appends a non-negative number.
func AppendUint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// AppendInt appends a number of either sign.
func AppendInt(b []byte, n int64) []byte { return binary.AppendVarint(b, n) }

// AppendString appends any bytes, with their length.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendTime appends an instant to the nanosecond. The zone is not kept.
func AppendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

// Reader takes values off the front of a packed text. After the first malformed value
// every method returns zero values, so one look at Err at the end suffices. The
// strings that it returns share the text's memory.
type Reader struct {
	rest string
	err  error
}

// NewReader reads packed.
func NewReader(packed string) Reader { return Reader{rest: packed} }

// Err returns ErrMalformed when a value could not be read.
func (r *Reader) Err() error { return r.err }

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.rest) }

// Uint reads what AppendUint wrote.
func (r *Reader) Uint() uint64 {
	var n uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break // more than 64 bits
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.Fail()
	return 0
}

// Int reads what AppendInt wrote.
func (r *Reader) Int() int64 {
	n := r.Uint()
	return int64(n>>1) ^ -int64(n&1)
}

// Text reads what AppendString wrote.
func (r *Reader) Text() string {
	n := r.Uint()
	if n > uint64(len(r.rest)) {
		r.Fail()
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// Time reads what AppendTime wrote, in UTC.
func (r *Reader) Time() time.Time {
	seconds, nanoseconds := r.Int(), r.Uint()
	if nanoseconds >= 1e9 {
		r.Fail()
	}
	if r.err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

// Fail marks the text as malformed, for readers that find a value out of range.
func (r *Reader) Fail() {
	r.rest = ""
	r.err = ErrMalformed
}
