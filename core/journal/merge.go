package journal

import (
	"cmp"
	"iter"
	"slices"
)

// Merge yields the records of streams, each by ascending key, by ascending key. A yielded
// error ends it.
func Merge(streams []iter.Seq2[Record, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var open []*stream
		for _, records := range streams {
			next, stop := iter.Pull2(records)
			defer stop()
			open = append(open, &stream{next: next})
		}
		advanced := slices.Clone(open)
		for {
			for _, s := range advanced {
				if !s.advance() {
					open = slices.DeleteFunc(open, func(other *stream) bool { return other == s })
				} else if s.err != nil {
					yield(Record{}, s.err)
					return
				}
			}
			if len(open) == 0 {
				return
			}
			first := slices.MinFunc(open, func(a, b *stream) int { return cmp.Compare(a.head.Key, b.head.Key) })
			if !yield(first.head, nil) {
				return
			}
			advanced = append(advanced[:0], first)
		}
	}
}

// stream is one of those that are merged, and its next record.
type stream struct {
	next func() (Record, error, bool)
	head Record
	err  error
}

// advance reads the next record; false where there is none.
func (s *stream) advance() (there bool) {
	s.head, s.err, there = s.next()
	return there
}
