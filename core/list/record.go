package list

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// record is one listed object in bytes: key, size, ETag, time of modification, class,
// whether it is frozen. Texts follow their length; the time is in nanoseconds since 1970 and
// 0 where unknown.
type record []byte

func appendRecord(b []byte, object driver.Object) []byte {
	var modified int64
	if !object.Modified.IsZero() {
		modified = object.Modified.UnixNano()
	}
	b = appendText(b, object.Key)
	b = binary.AppendVarint(b, object.Size)
	b = appendText(b, object.ETag)
	b = binary.AppendVarint(b, modified)
	b = appendText(b, object.StorageClass)
	if object.Frozen {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// key returns the key; that of a damaged record is empty, and object tells.
func (r record) key() []byte {
	key, _ := cutText(r)
	return key
}

// object reads the record.
func (r record) object() (driver.Object, error) {
	key, rest := cutText(r)
	size, rest := cutInt(rest)
	etag, rest := cutText(rest)
	modified, rest := cutInt(rest)
	class, rest := cutText(rest)
	if len(rest) != 1 || rest[0] > 1 {
		return driver.Object{}, damaged("a record in it is malformed")
	}
	object := driver.Object{Key: string(key), Size: size, ETag: string(etag), StorageClass: string(class), Frozen: rest[0] == 1}
	if modified != 0 {
		object.Modified = time.Unix(0, modified).UTC()
	}
	return object, nil
}

// take replaces the record by another of the same key where that was modified later: an
// object that is rewritten while it is listed may be seen in both versions, in either order,
// and the newer is what the bucket holds. Of one version, whose class may change meanwhile,
// either is right. Two of the same time that differ in size or ETag cannot both be right,
// and nothing says which is.
func (r *record) take(other record) error {
	if bytes.Equal(*r, other) {
		return nil
	}
	mine, err := r.object()
	if err != nil {
		return err
	}
	theirs, err := other.object()
	if err != nil {
		return err
	}
	if mine.Modified.Equal(theirs.Modified) {
		if mine.Size == theirs.Size && mine.ETag == theirs.ETag {
			return nil
		}
		return &driver.Error{Op: "List", Kind: driver.KindFatal, Message: fmt.Sprintf(
			"the listing shows %q twice, as %d bytes with ETag %q and as %d bytes with ETag %q, and both of the same time: run again when the object does not change; if it comes back, the store is at fault",
			mine.Key, mine.Size, mine.ETag, theirs.Size, theirs.ETag)}
	}
	if theirs.Modified.After(mine.Modified) {
		*r = append((*r)[:0], other...)
	}
	return nil
}

// cutText and cutInt read from the front; the rest is nil when there was too little.
func cutText(b []byte) (text, rest []byte) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil
	}
	end := n + int(length) //nolint:gosec // at most len(b)
	return b[n:end], b[end:]
}

func cutInt(b []byte) (value int64, rest []byte) {
	value, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil
	}
	return value, b[n:]
}
