package wire

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Codec is gRPC's protobuf codec but for two things. The messages of the signing
// stream are written and read straight from and into the types of sdk/driver:
// the bytes are the same as the generated code's, the work is a fraction, and
// signing happens for every object. And buffers have the size of their message: gRPC's own
// codec clears 1 MiB for each message above 32 KiB, a listing page for one.
type Codec struct{}

// streamMessage is a message that this package encodes itself.
type streamMessage interface {
	appendTo(b []byte) []byte
	sizeHint() int // at least the encoded size, as a rule
	decode(data string) error
}

var (
	_ encoding.CodecV2 = Codec{}
	_ streamMessage    = (*SignBatch)(nil)
	_ streamMessage    = (*SignAnswer)(nil)
)

// Name is protobuf's: so are the bytes.
func (Codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	var encoded []byte
	switch message := v.(type) {
	case streamMessage:
		encoded = message.appendTo(make([]byte, 0, message.sizeHint()))
	case proto.Message:
		var err error
		if encoded, err = proto.Marshal(message); err != nil {
			return nil, fmt.Errorf("encode %T: %w", v, err)
		}
	default:
		return nil, fmt.Errorf("encode %T: it is no message", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(encoded)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	var err error
	switch message := v.(type) {
	case streamMessage:
		var text strings.Builder
		text.Grow(data.Len())
		for _, part := range data {
			text.Write(part.ReadOnlyData())
		}
		err = message.decode(text.String())
	case proto.Message:
		err = proto.Unmarshal(data.Materialize(), message)
	default:
		err = errors.New("it is no message")
	}
	if err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}
