package packed

import (
	"github.com/dth-dev/dth/core/internal/pack"
	"github.com/dth-dev/dth/core/journal"
)

// numbers are the counters in the order in which they are packed. More may follow.
func numbers(c *journal.Counts) []*int64 {
	return []*int64{
		&c.Equal, &c.Copied, &c.Bytes, &c.Inside, &c.Failed, &c.Skipped, &c.Unmappable, &c.Archived, &c.Adapted,
		&c.Vanished, &c.Replanned, &c.Deleted, &c.GradeBoth, &c.GradeOne, &c.GradeSize,
	}
}

// AppendCounted appends what messages counted.
func AppendCounted(b []byte, counted []journal.Counted) []byte {
	b = pack.AppendUint(b, uint64(len(counted)))
	for _, each := range counted {
		all := numbers(&each.Counts)
		b = pack.AppendUint(pack.AppendString(b, each.Message), uint64(len(all)))
		for _, number := range all {
			b = pack.AppendInt(b, *number)
		}
	}
	return b
}

// ReadCounted reads what AppendCounted wrote.
func ReadCounted(r *pack.Reader) (counted []journal.Counted) {
	for count := r.Uint(); count > 0 && r.Err() == nil; count-- {
		each := journal.Counted{Message: r.Text()}
		all := numbers(&each.Counts)
		for i := range r.Uint() {
			number := r.Int()
			if r.Err() != nil {
				return nil
			}
			if i < uint64(len(all)) {
				*all[i] = number
			}
		}
		counted = append(counted, each)
	}
	return counted
}
