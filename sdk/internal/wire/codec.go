package wire

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that this one extends
	"google.golang.org/grpc/mem"
)

// Codec is gRPC's protobuf codec, but for the two messages of the signing
// stream, which it writes and reads straight from and into the types of
// sdk/driver. The bytes are the same as the generated code's; the work is a
// fraction, and signing happens for every object.
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
	message, ok := v.(streamMessage)
	if !ok {
		return encoding.GetCodecV2("proto").Marshal(v)
	}
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(message.sizeHint())
	*buffer = message.appendTo((*buffer)[:0])
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(streamMessage)
	if !ok {
		return encoding.GetCodecV2("proto").Unmarshal(data, v)
	}
	var text strings.Builder
	text.Grow(data.Len())
	for _, part := range data {
		text.Write(part.ReadOnlyData())
	}
	if err := message.decode(text.String()); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}
