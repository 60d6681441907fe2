package list

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// arenaSize is how many bytes of objects are sorted in memory at one time.
	arenaSize = 4 << 20
	// fanIn is how many runs are merged at one time: each costs a decoder's window.
	fanIn = 16
	// pageSize is how many objects of the merged listing travel together.
	pageSize = 1000
)

// OpenUnordered begins a listing of a store that lists its keys in no order. It reads
// the listing to its end, sorts it in compressed runs in directory, "" for the
// system's temporary one, and merges them: the first object comes after the last page. An object that is
// listed twice comes once, as it was later. Counter and Close are as for Open; no run
// is left after Close, nor after the end of the process where the system lets go of
// files that have no name any more.
func OpenUnordered(ctx context.Context, lister Lister, prefix, directory string, counter *atomic.Int64) *Stream {
	return open(ctx, prefix, counter, func(ctx context.Context, send func([]driver.Object) error) error {
		s := &sorter{directory: directory}
		defer s.close()
		err := readAll(ctx, lister, prefix, func(objects []driver.Object) error {
			for _, object := range objects {
				if err := s.add(ctx, object); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		return s.finish(ctx, send)
	})
}

// sorter sorts more objects than fit into memory.
type sorter struct {
	directory string
	arena     []byte   // records one after the other
	records   []extent // of the arena
	levels    [][]*run // runs of level n+1 were merged from those of level n
}

type extent struct{ from, to int }

func (s *sorter) add(ctx context.Context, object driver.Object) error {
	if len(s.arena) >= arenaSize {
		if err := s.spill(ctx); err != nil {
			return err
		}
	}
	from := len(s.arena)
	s.arena = appendRecord(s.arena, object)
	s.records = append(s.records, extent{from, len(s.arena)})
	return nil
}

// inMemory returns the records of the arena in order.
func (s *sorter) inMemory() cursor {
	slices.SortFunc(s.records, func(x, y extent) int {
		return bytes.Compare(record(s.arena[x.from:x.to]).key(), record(s.arena[y.from:y.to]).key())
	})
	return &arenaCursor{arena: s.arena, records: s.records}
}

// spill writes the arena as a run, and merges the runs of a level that is full.
func (s *sorter) spill(ctx context.Context) error {
	written, err := s.write(ctx, []cursor{s.inMemory()})
	if err != nil {
		return err
	}
	s.arena, s.records = s.arena[:0], s.records[:0]
	for level := 0; ; level++ {
		if level == len(s.levels) {
			s.levels = append(s.levels, nil)
		}
		s.levels[level] = append(s.levels[level], written)
		if len(s.levels[level]) < fanIn {
			return nil
		}
		full := s.levels[level]
		if written, err = s.combine(ctx, full); err != nil {
			return err
		}
		s.levels[level] = nil
	}
}

// combine makes one run of several and removes them.
func (s *sorter) combine(ctx context.Context, runs []*run) (*run, error) {
	cursors, done, err := openRuns(runs)
	defer done()
	if err != nil {
		return nil, err
	}
	combined, err := s.write(ctx, cursors)
	if err != nil {
		return nil, err
	}
	for _, old := range runs {
		old.remove()
	}
	return combined, nil
}

// write merges the cursors into a new run.
func (s *sorter) write(ctx context.Context, cursors []cursor) (*run, error) {
	w, err := createRun(s.directory)
	if err != nil {
		return nil, err
	}
	if err := merge(ctx, cursors, w.append); err != nil {
		w.run.remove()
		return nil, err
	}
	return w.finish()
}

// finish sends all objects in order.
func (s *sorter) finish(ctx context.Context, send func([]driver.Object) error) error {
	if len(s.levels) == 0 {
		return deliver(ctx, []cursor{s.inMemory()}, send)
	}
	if err := s.spill(ctx); err != nil {
		return err
	}
	s.arena, s.records = nil, nil
	rest := slices.Concat(s.levels...)
	for len(rest) > fanIn { // the small ones first
		combined, err := s.combine(ctx, rest[:fanIn])
		if err != nil {
			return err
		}
		rest = append(rest[fanIn:], combined)
		s.levels = [][]*run{rest}
	}
	cursors, done, err := openRuns(rest)
	defer done()
	if err != nil {
		return err
	}
	return deliver(ctx, cursors, send)
}

// close removes the runs.
func (s *sorter) close() {
	for _, run := range slices.Concat(s.levels...) {
		run.remove()
	}
}

// deliver merges the cursors into pages.
func deliver(ctx context.Context, cursors []cursor, send func([]driver.Object) error) error {
	var page []driver.Object
	err := merge(ctx, cursors, func(r record) error {
		object, err := r.object()
		if err != nil {
			return err
		}
		if page = append(page, object); len(page) < pageSize {
			return nil
		}
		full := page
		page = nil
		return send(full)
	})
	if err != nil || len(page) == 0 {
		return err
	}
	return send(page)
}

// cursor reads records in order; a record is valid until the next one is read, and
// nil marks the end.
type cursor interface {
	next() (record, error)
}

type arenaCursor struct {
	arena   []byte
	records []extent
}

func (c *arenaCursor) next() (record, error) {
	if len(c.records) == 0 {
		return nil, nil
	}
	at := c.records[0]
	c.records = c.records[1:]
	return c.arena[at.from:at.to], nil
}

// merge emits the records of all cursors in order, each key once.
func merge(ctx context.Context, cursors []cursor, emit func(record) error) error {
	heads := make([]record, len(cursors))
	for i, c := range cursors {
		var err error
		if heads[i], err = c.next(); err != nil {
			return err
		}
	}
	var pending record // held back until another key follows
	for n := 0; ; n++ {
		if n%pageSize == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		first := least(heads)
		if first < 0 {
			break
		}
		switch {
		case pending != nil && bytes.Equal(pending.key(), heads[first].key()):
			if err := pending.take(heads[first]); err != nil {
				return err
			}
		default:
			if pending != nil {
				if err := emit(pending); err != nil {
					return err
				}
			}
			pending = append(pending[:0], heads[first]...)
		}
		var err error
		if heads[first], err = cursors[first].next(); err != nil {
			return err
		}
	}
	if pending == nil {
		return nil
	}
	return emit(pending)
}

// least returns the index of the record with the least key; -1 when all ended.
func least(heads []record) int {
	first := -1
	for i, head := range heads {
		if head != nil && (first < 0 || bytes.Compare(head.key(), heads[first].key()) < 0) {
			first = i
		}
	}
	return first
}
