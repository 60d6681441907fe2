package wire

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dth-dev/dth/sdk/driver"
)

// SignBatch is the message SignRequest: on the host with items that their
// callers have encoded, on the plugin with requests.
type SignBatch struct {
	Handle uint64
	Batch  uint64
	Now    int64 // FromTime
	Items  []Item
	// Requests hold what was decoded: driver.GetRequest, driver.PutRequest,
	// driver.PartRequest, or nil for a kind that this side does not know.
	Requests []any
}

// Item is one encoded SignItem.
type Item []byte

// The fields of SignRequest, SignItem and the requests are those of storage.proto.

// GetItem encodes the signing request of a download, without its time.
func GetItem(r driver.GetRequest) Item {
	b, start := begin(make([]byte, 0, len(r.Key)+len(r.VersionID)+16), 1)
	b = appendString(b, 1, r.Key)
	b = appendString(b, 2, r.VersionID)
	return finish(b, start)
}

// PutItem encodes the signing request of an upload, without its time.
func PutItem(r driver.PutRequest) Item {
	b, start := begin(make([]byte, 0, len(r.Key)+attributesHint(&r.Attributes)+len(r.Checksum.Value)+48), 2)
	b = appendString(b, 1, r.Key)
	b = appendInt(b, 2, r.Size)
	b = appendAttributes(b, 3, &r.Attributes)
	if !r.Checksum.IsZero() {
		var inner int
		b, inner = begin(b, 4)
		b = appendInt(b, 1, int64(r.Checksum.Algorithm))
		b = appendString(b, 2, r.Checksum.Value)
		b = appendBool(b, 3, r.Checksum.Composite)
		b = finish(b, inner)
	}
	return finish(b, start)
}

// PartItem encodes the signing request of a part, without its time.
func PartItem(r driver.PartRequest) Item {
	b, start := begin(make([]byte, 0, len(r.Upload.Key)+len(r.Upload.ID)+48), 3)
	b = appendString(b, 1, r.Upload.Key)
	b = appendString(b, 2, r.Upload.ID)
	b = appendInt(b, 3, int64(Int32(r.Number)))
	b = appendInt(b, 4, r.Size)
	return finish(b, start)
}

// attributesHint is at least the encoded size of the attributes.
func attributesHint(a *driver.Attributes) int {
	n := 48 + len(a.ContentType) + len(a.ContentEncoding) + len(a.ContentLanguage) + len(a.ContentDisposition) + len(a.CacheControl) + len(a.Expires)
	for i := range a.Metadata {
		n += len(a.Metadata[i].Name) + len(a.Metadata[i].Value) + 16
	}
	for i := range a.Tags {
		n += len(a.Tags[i].Key) + len(a.Tags[i].Value) + 16
	}
	return n + len(a.StorageClass)
}

func appendAttributes(b []byte, field protowire.Number, a *driver.Attributes) []byte {
	b, start := begin(b, field)
	b = appendString(b, 1, a.ContentType)
	b = appendString(b, 2, a.ContentEncoding)
	b = appendString(b, 3, a.ContentLanguage)
	b = appendString(b, 4, a.ContentDisposition)
	b = appendString(b, 5, a.CacheControl)
	b = appendString(b, 6, a.Expires)
	for i := range a.Metadata {
		var inner int
		b, inner = begin(b, 7)
		b = appendString(b, 1, a.Metadata[i].Name)
		b = appendString(b, 2, a.Metadata[i].Value)
		b = finish(b, inner)
	}
	b = appendString(b, 8, text(a.StorageClass))
	for i := range a.Tags {
		var inner int
		b, inner = begin(b, 9)
		b = appendString(b, 1, a.Tags[i].Key)
		b = appendString(b, 2, a.Tags[i].Value)
		b = finish(b, inner)
	}
	return finish(b, start)
}

func (m *SignBatch) sizeHint() int {
	n := 64
	for _, item := range m.Items {
		n += len(item) + 8
	}
	return n
}

func (m *SignBatch) appendTo(b []byte) []byte {
	b = appendVarint(b, 1, m.Handle)
	b = appendVarint(b, 2, m.Batch)
	b = appendInt(b, 3, m.Now)
	for _, item := range m.Items {
		b = appendBytes(b, 4, item)
	}
	return b
}

func (m *SignBatch) decode(data string) error {
	s := scanner{rest: data}
	var items []string
	for {
		field, kind, ok := s.next()
		if !ok {
			break
		}
		switch field {
		case 1:
			m.Handle = uint64(s.int(kind)) //nolint:gosec // the bits of a uint64
		case 2:
			m.Batch = uint64(s.int(kind)) //nolint:gosec // the bits of a uint64
		case 3:
			m.Now = s.int(kind)
		case 4:
			items = append(items, s.string(kind))
		default:
			s.skip(kind)
		}
	}
	if err := s.err(); err != nil {
		return err
	}
	now := ToTime(m.Now) // may stand behind the items
	m.Requests = make([]any, len(items))
	for i, item := range items {
		var err error
		if m.Requests[i], err = decodeItem(item, now); err != nil {
			return err
		}
	}
	return nil
}

// decodeItem reads one SignItem; nil for an unknown kind.
func decodeItem(data string, now time.Time) (any, error) {
	s := scanner{rest: data}
	var request any
	var err error
	for err == nil {
		field, kind, ok := s.next()
		if !ok {
			break
		}
		switch field {
		case 1:
			request, err = decodeGet(s.string(kind), now)
		case 2:
			request, err = decodePut(s.string(kind), now)
		case 3:
			request, err = decodePart(s.string(kind), now)
		default:
			s.skip(kind)
		}
	}
	if err != nil {
		return nil, err
	}
	return request, s.err()
}

func decodeGet(data string, now time.Time) (driver.GetRequest, error) {
	s := scanner{rest: data}
	r := driver.GetRequest{Now: now}
	for {
		field, kind, ok := s.next()
		if !ok {
			return r, s.err()
		}
		switch field {
		case 1:
			r.Key = s.string(kind)
		case 2:
			r.VersionID = s.string(kind)
		default:
			s.skip(kind)
		}
	}
}

func decodePut(data string, now time.Time) (driver.PutRequest, error) {
	s := scanner{rest: data}
	r := driver.PutRequest{Now: now}
	for {
		field, kind, ok := s.next()
		if !ok {
			return r, s.err()
		}
		var err error
		switch field {
		case 1:
			r.Key = s.string(kind)
		case 2:
			r.Size = s.int(kind)
		case 3:
			err = decodeAttributes(&r.Attributes, s.string(kind))
		case 4:
			r.Checksum, err = decodeChecksum(s.string(kind))
		default:
			s.skip(kind)
		}
		if err != nil {
			return r, err
		}
	}
}

func decodePart(data string, now time.Time) (driver.PartRequest, error) {
	s := scanner{rest: data}
	r := driver.PartRequest{Now: now}
	for {
		field, kind, ok := s.next()
		if !ok {
			return r, s.err()
		}
		switch field {
		case 1:
			r.Upload.Key = s.string(kind)
		case 2:
			r.Upload.ID = s.string(kind)
		case 3:
			r.Number = int(int32(s.int(kind))) //nolint:gosec // an int32 on the wire
		case 4:
			r.Size = s.int(kind)
		default:
			s.skip(kind)
		}
	}
}

func decodeAttributes(a *driver.Attributes, data string) error {
	s := scanner{rest: data}
	for {
		field, kind, ok := s.next()
		if !ok {
			return s.err()
		}
		switch field {
		case 1:
			a.ContentType = s.string(kind)
		case 2:
			a.ContentEncoding = s.string(kind)
		case 3:
			a.ContentLanguage = s.string(kind)
		case 4:
			a.ContentDisposition = s.string(kind)
		case 5:
			a.CacheControl = s.string(kind)
		case 6:
			a.Expires = s.string(kind)
		case 7:
			name, value, err := decodePair(s.string(kind))
			if err != nil {
				return err
			}
			a.Metadata = append(a.Metadata, driver.Metadata{Name: name, Value: value})
		case 8:
			a.StorageClass = s.string(kind)
		case 9:
			key, value, err := decodePair(s.string(kind))
			if err != nil {
				return err
			}
			a.Tags = append(a.Tags, driver.Tag{Key: key, Value: value})
		default:
			s.skip(kind)
		}
	}
}

// decodePair reads a Metadata, a Tag or a Header: a name and a value.
func decodePair(data string) (name, value string, err error) {
	s := scanner{rest: data}
	for {
		field, kind, ok := s.next()
		if !ok {
			return name, value, s.err()
		}
		switch field {
		case 1:
			name = s.string(kind)
		case 2:
			value = s.string(kind)
		default:
			s.skip(kind)
		}
	}
}

func decodeChecksum(data string) (driver.Checksum, error) {
	s := scanner{rest: data}
	var c driver.Checksum
	for {
		field, kind, ok := s.next()
		if !ok {
			return c, s.err()
		}
		switch field {
		case 1:
			c.Algorithm = driver.Algorithm(int32(s.int(kind))) //nolint:gosec // an enum on the wire
		case 2:
			c.Value = s.string(kind)
		case 3:
			c.Composite = s.int(kind) != 0
		default:
			s.skip(kind)
		}
	}
}
