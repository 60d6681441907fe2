package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// SignAnswer is the message SignResponse: outcome i answers item i of the batch.
type SignAnswer struct {
	Batch    uint64
	Outcomes []Signed

	numbers []uint32           // of the replies that the exchanges name, 0 for none
	replies []*storagepb.Reply // that the stream has not sent before
}

// Signed is the outcome of one signing request.
type Signed struct {
	Exchange driver.Exchange
	Err      error
}

// The fields of SignResponse, SignedItem, Exchange, Header, Framing and Dial are those of storage.proto.

func (m *SignAnswer) sizeHint() int {
	n := 64 + 512*len(m.replies)
	for i := range m.Outcomes {
		x := &m.Outcomes[i].Exchange
		n += 128 + len(x.Method) + len(x.URL) + len(x.Body.Prefix) + len(x.Body.Suffix) + len(x.Body.TrailerName) + len(x.Dial.Address)
		for h := range x.Header {
			n += 16 + len(x.Header[h].Name) + len(x.Header[h].Value)
		}
	}
	return n
}

func (m *SignAnswer) appendTo(b []byte) []byte {
	b = appendVarint(b, 1, m.Batch)
	for i := range m.Outcomes {
		item := 0
		b, item = begin(b, 2)
		if err := m.Outcomes[i].Err; err != nil {
			b = appendProto(b, 2, FromError(err))
		} else {
			b = appendExchange(b, &m.Outcomes[i].Exchange, m.numbers[i])
		}
		b = finish(b, item)
	}
	for _, reply := range m.replies {
		b = appendProto(b, 3, reply)
	}
	return b
}

// appendProto appends a message of the generated code.
func appendProto(b []byte, field protowire.Number, message proto.Message) []byte {
	b, start := begin(b, field)
	// The conversions leave nothing that protobuf refuses.
	b, _ = proto.MarshalOptions{}.MarshalAppend(b, message)
	return finish(b, start)
}

func appendExchange(b []byte, x *driver.Exchange, reply uint32) []byte {
	b, start := begin(b, 1)
	b = appendString(b, 1, text(x.Method))
	b = appendString(b, 2, x.URL)
	for i := range x.Header {
		inner := 0
		b, inner = begin(b, 3)
		b = appendString(b, 1, text(x.Header[i].Name))
		b = appendString(b, 2, x.Header[i].Value)
		b = finish(b, inner)
	}
	if body := &x.Body; body.Kind != driver.FramingRaw {
		inner := 0
		b, inner = begin(b, 4)
		b = appendInt(b, 1, int64(body.Kind))
		b = appendBytes(b, 2, body.Prefix)
		b = appendBytes(b, 3, body.Suffix)
		b = appendString(b, 4, text(body.TrailerName))
		b = appendInt(b, 5, int64(body.TrailerChecksum))
		b = appendInt(b, 6, int64(Int32(body.ChunkSize)))
		b = finish(b, inner)
	}
	if x.Dial != (driver.Dial{}) {
		inner := 0
		b, inner = begin(b, 5)
		b = appendString(b, 1, text(x.Dial.Network))
		b = appendString(b, 2, text(x.Dial.Address))
		b = finish(b, inner)
	}
	b = appendInt(b, 6, FromTime(x.Expires))
	b = appendVarint(b, 7, uint64(reply))
	return finish(b, start)
}

func (m *SignAnswer) decode(data string) error {
	s := scanner{rest: data}
	items := 0
	for count := s; ; items++ { // how many, so that they are allocated once
		field, kind, ok := count.next()
		if !ok {
			break
		}
		if count.skip(kind); field != 2 {
			items--
		}
	}
	m.Outcomes, m.numbers = make([]Signed, 0, items), make([]uint32, 0, items)
	for {
		field, kind, ok := s.next()
		if !ok {
			return s.err()
		}
		switch field {
		case 1:
			m.Batch = uint64(s.int(kind)) //nolint:gosec // the bits of a uint64
		case 2:
			m.Outcomes, m.numbers = append(m.Outcomes, Signed{}), append(m.numbers, 0)
			last := len(m.Outcomes) - 1
			if err := decodeSigned(&m.Outcomes[last], &m.numbers[last], s.string(kind)); err != nil {
				return err
			}
		case 3:
			reply := &storagepb.Reply{}
			if err := proto.Unmarshal([]byte(s.string(kind)), reply); err != nil {
				return fmt.Errorf("read a reply: %w", err)
			}
			m.replies = append(m.replies, reply)
		default:
			s.skip(kind)
		}
	}
}

func decodeSigned(signed *Signed, reply *uint32, data string) error {
	s := scanner{rest: data}
	signed.Err = malformed("an answer to a signing request is empty")
	for {
		field, kind, ok := s.next()
		if !ok {
			return s.err()
		}
		switch field {
		case 1:
			signed.Err = nil
			if err := decodeExchange(&signed.Exchange, reply, s.string(kind)); err != nil {
				return err
			}
		case 2:
			failure := &storagepb.Error{}
			if err := proto.Unmarshal([]byte(s.string(kind)), failure); err != nil {
				return fmt.Errorf("read an error: %w", err)
			}
			signed.Err = ToError(failure)
		default:
			s.skip(kind)
		}
	}
}

func decodeExchange(x *driver.Exchange, reply *uint32, data string) error {
	s := scanner{rest: data}
	headers := 0
	for count := s; ; headers++ { // how many, so that they are allocated once
		field, kind, ok := count.next()
		if !ok {
			break
		}
		if count.skip(kind); field != 3 {
			headers--
		}
	}
	if headers > 0 {
		x.Header = make([]driver.Header, 0, headers)
	}
	for {
		field, kind, ok := s.next()
		if !ok {
			return s.err()
		}
		var err error
		switch field {
		case 1:
			x.Method = s.string(kind)
		case 2:
			x.URL = s.string(kind)
		case 3:
			var header driver.Header
			header.Name, header.Value, err = decodePair(s.string(kind))
			x.Header = append(x.Header, header)
		case 4:
			err = decodeFraming(&x.Body, s.string(kind))
		case 5:
			x.Dial.Network, x.Dial.Address, err = decodePair(s.string(kind))
		case 6:
			x.Expires = ToTime(s.int(kind))
		case 7:
			*reply = uint32(s.int(kind)) //nolint:gosec // a uint32 on the wire
		default:
			s.skip(kind)
		}
		if err != nil {
			return err
		}
	}
}

func decodeFraming(f *driver.Framing, data string) error {
	s := scanner{rest: data}
	for {
		field, kind, ok := s.next()
		if !ok {
			return s.err()
		}
		switch field {
		case 1:
			f.Kind = driver.FramingKind(int32(s.int(kind))) //nolint:gosec // an enum on the wire
		case 2:
			f.Prefix = []byte(s.string(kind))
		case 3:
			f.Suffix = []byte(s.string(kind))
		case 4:
			f.TrailerName = s.string(kind)
		case 5:
			f.TrailerChecksum = driver.Algorithm(int32(s.int(kind))) //nolint:gosec // an enum on the wire
		case 6:
			f.ChunkSize = int(int32(s.int(kind))) //nolint:gosec // an int32 on the wire
		default:
			s.skip(kind)
		}
	}
}
