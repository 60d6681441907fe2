package transfer

import "testing"

func TestBuffersHaveTheAskedLength(t *testing.T) {
	t.Parallel()
	var b buffers
	for _, size := range []int{0, 1, 2, 3, 4, 5, 1023, 1024, 1025, bufferLimit - 1, bufferLimit} {
		for range 2 { // made, then lent again
			buffer, giveBack := b.take(size)
			if len(buffer) != size {
				t.Errorf("asked for %d bytes, got %d", size, len(buffer))
			}
			giveBack()
		}
	}
}

func TestBuffersAreNotSharedWhileLent(t *testing.T) {
	t.Parallel()
	var b buffers
	first, giveFirst := b.take(100)
	second, giveSecond := b.take(100)
	first[0], second[0] = 1, 2
	if first[0] != 1 {
		t.Error("two borrowers share a buffer")
	}
	giveFirst()
	giveSecond()
}
