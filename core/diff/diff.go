// Package diff finds what two buckets do not have in common, by merging their
// ordered listings with the journal's record of earlier runs.
package diff

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// Objects is one side's ordered stream: list.Stream.
type Objects interface {
	Next(ctx context.Context) (*driver.Object, error)
}

// Pair is one relative key with what each side and the journal have of it. What
// is pointed to is valid until the next pair.
type Pair struct {
	Key         string
	Source      *driver.Object  // nil where the source does not have the key
	Destination *driver.Object  // nil where the destination does not have it
	Record      *journal.Record // nil where the journal does not know it
}

// Merger joins three streams that ascend by relative key. Memory does not
// depend on the number of keys. It is for one goroutine.
type Merger struct {
	source, destination cursor
	nextRecord          func() (journal.Record, error, bool)
	stopRecords         func()
	record              journal.Record // the last one that was read, where there is one
	hasRecord           bool
	failure             error // of the journal; it stays
}

// cursor is the head of one side's stream.
type cursor struct {
	objects Objects
	strip   int // bytes of the prefix
	used    bool
	ended   bool
	head    *driver.Object
	key     string
}

func (c *cursor) fill(ctx context.Context) error {
	if c.ended || (c.head != nil && !c.used) {
		return nil
	}
	object, err := c.objects.Next(ctx)
	if errors.Is(err, io.EOF) {
		c.ended, c.head = true, nil
		return nil
	}
	if err != nil {
		return err
	}
	c.head, c.key, c.used = object, object.Key[c.strip:], false
	return nil
}

// take returns the head when its key is the wanted one, and moves on.
func (c *cursor) take(key string) *driver.Object {
	if c.ended || c.key != key {
		return nil
	}
	c.used = true
	return c.head
}

// NewMerger merges two listings whose keys begin with so many bytes of prefix,
// and the journal. The caller closes the merger.
func NewMerger(source, destination Objects, sourceStrip, destinationStrip int, records iter.Seq2[journal.Record, error]) *Merger {
	m := &Merger{
		source:      cursor{objects: source, strip: sourceStrip},
		destination: cursor{objects: destination, strip: destinationStrip},
	}
	m.nextRecord, m.stopRecords = iter.Pull2(records)
	return m
}

// Close ends the scan of the journal. The listings are closed by who opened them.
func (m *Merger) Close() { m.stopRecords() }

// Next returns the next key that either side has, or io.EOF at the end of both
// complete listings. After the end of ctx it can be called again with another. Any other
// error stays.
func (m *Merger) Next(ctx context.Context) (Pair, error) {
	if m.failure != nil {
		return Pair{}, m.failure
	}
	if err := m.source.fill(ctx); err != nil {
		return Pair{}, err
	}
	if err := m.destination.fill(ctx); err != nil {
		return Pair{}, err
	}
	var key string
	switch {
	case m.source.ended && m.destination.ended:
		return Pair{}, io.EOF
	case m.source.ended:
		key = m.destination.key
	case m.destination.ended:
		key = m.source.key
	default:
		key = min(m.source.key, m.destination.key)
	}
	pair := Pair{Key: key, Source: m.source.take(key), Destination: m.destination.take(key)}
	pair.Record, m.failure = m.recordOf(key)
	return pair, m.failure
}

// recordOf moves the journal forward to the key.
func (m *Merger) recordOf(key string) (*journal.Record, error) {
	for !m.hasRecord || m.record.Key < key {
		var err error
		if m.record, err, m.hasRecord = m.nextRecord(); !m.hasRecord || err != nil {
			return nil, err
		}
	}
	if m.record.Key == key {
		return &m.record, nil
	}
	return nil, nil
}

// singlePutMD5 says whether an ETag has the form of an MD5 of the bytes.
func singlePutMD5(etag string) bool {
	return len(etag) == 32 && strings.Trim(etag, "0123456789abcdefABCDEF") == ""
}
