package transfer

import (
	"math/bits"
	"sync"
)

// buffers lends memory for small objects. Reuse matters: memory that is made anew for each
// object is cleared and collected, which costs more than the copy itself. The zero
// value is ready for use by many goroutines.
type buffers struct {
	classes [32]sync.Pool // class n holds *[]byte of 1<<n bytes
}

// held returns how many bytes are held for a buffer of size bytes: the next power of two.
func held(size int) int { return 1 << bits.Len(uint(max(size, 1)-1)) }

// take lends size bytes, of any content, until giveBack is called.
func (b *buffers) take(size int) (buffer []byte, giveBack func()) {
	if size == 0 {
		return nil, func() {}
	}
	class := &b.classes[bits.Len(uint(size-1))]
	lent, ok := class.Get().(*[]byte)
	if !ok {
		made := make([]byte, held(size))
		lent = &made
	}
	return (*lent)[:size], func() { class.Put(lent) }
}
