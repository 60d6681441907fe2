package wire

import (
	"errors"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// errTruncated reports bytes that are no protobuf message.
var errTruncated = errors.New("the message is damaged")

// Fields with the zero value are left out, as proto3 has it.

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return appendVarint(b, field, uint64(v)) //nolint:gosec // protobuf's own encoding of int64
}

func appendBool(b []byte, field protowire.Number, v bool) []byte {
	return appendVarint(b, field, protowire.EncodeBool(v))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendBytes(b []byte, field protowire.Number, s []byte) []byte {
	if len(s) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), s)
}

// begin starts a message within a message. finish, given what begin returned,
// ends it: its length is known only then and is pushed in before it.
func begin(b []byte, field protowire.Number) (grown []byte, start int) {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return b, len(b)
}

func finish(b []byte, start int) []byte {
	length := len(b) - start
	n := protowire.SizeVarint(uint64(length))
	var room [10]byte
	b = append(b, room[:n]...)
	copy(b[start+n:], b[start:start+length])
	protowire.AppendVarint(b[:start], uint64(length))
	return b
}

// scanner reads the fields of one message. Its strings are parts of the text it was
// given, so that a message costs one allocation however many strings it holds.
type scanner struct {
	rest string
	bad  bool
}

// next returns the number and type of the next field, false at the end or when
// the text is damaged.
func (s *scanner) next() (field protowire.Number, kind protowire.Type, ok bool) {
	if s.rest == "" || s.bad {
		return 0, 0, false
	}
	tag := s.varint()
	number := tag >> 3
	if s.bad || number < 1 || number > math.MaxInt32 {
		s.fail()
		return 0, 0, false
	}
	return protowire.Number(number), protowire.Type(tag & 7), true
}

func (s *scanner) varint() uint64 {
	var value uint64
	for i := 0; i < len(s.rest) && i < 10; i++ {
		b := s.rest[i]
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i == 9 && b > 1 {
				break
			}
			s.rest = s.rest[i+1:]
			return value
		}
	}
	s.fail()
	return 0
}

// fail gives the rest up.
func (s *scanner) fail() { s.bad, s.rest = true, "" }

// int reads a number field.
func (s *scanner) int(kind protowire.Type) int64 {
	if kind != protowire.VarintType {
		s.fail()
		return 0
	}
	return int64(s.varint()) //nolint:gosec // protobuf's own encoding of int64
}

// string reads a string, bytes or message field.
func (s *scanner) string(kind protowire.Type) string {
	if kind != protowire.BytesType {
		s.fail()
		return ""
	}
	length := s.varint()
	if length > uint64(len(s.rest)) {
		s.fail()
		return ""
	}
	field := s.rest[:length]
	s.rest = s.rest[length:]
	return field
}

// skip passes over a field that a newer side sent.
func (s *scanner) skip(kind protowire.Type) {
	switch kind {
	case protowire.VarintType:
		s.varint()
	case protowire.Fixed64Type:
		s.drop(8)
	case protowire.BytesType:
		s.string(kind)
	case protowire.Fixed32Type:
		s.drop(4)
	default: // groups, which proto3 does not have
		s.fail()
	}
}

func (s *scanner) drop(n int) {
	if n > len(s.rest) {
		s.fail()
		return
	}
	s.rest = s.rest[n:]
}

// err says whether the text was a message.
func (s *scanner) err() error {
	if s.bad {
		return errTruncated
	}
	return nil
}
