// Package plan decides how one object travels: whole, or in which parts.
package plan

import (
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
)

// Sizes are what the user may choose, in bytes.
type Sizes struct {
	Threshold int64 // objects of at least this size travel in parts
	Part      int64 // wished size of a part
}

// DefaultSizes keep the loss of a broken connection small and the number of
// requests low.
var DefaultSizes = Sizes{Threshold: 64 << 20, Part: 32 << 20}

// Layout is how an object of known size is divided. The zero PartSize means
// that it travels whole.
type Layout struct {
	Size     int64
	PartSize int64
}

// Multipart says whether the object travels in parts.
func (l Layout) Multipart() bool { return l.PartSize > 0 }

// Parts returns the number of parts; 1 for an object that travels whole.
func (l Layout) Parts() int {
	if !l.Multipart() {
		return 1
	}
	return int((l.Size + l.PartSize - 1) / l.PartSize)
}

// Part returns the offset and length of part number n, counted from 1.
func (l Layout) Part(n int) (offset, length int64) {
	if !l.Multipart() {
		return 0, l.Size
	}
	offset = int64(n-1) * l.PartSize
	return offset, min(l.PartSize, l.Size-offset)
}

// granule is what part sizes are rounded up to: the block of Qiniu's hash
// (https://developer.qiniu.com/kodo/1231/appendix#qiniu-etag), which parts of whole blocks
// leave to say something of the bytes on either side. Other stores have no preference.
const granule = 4 << 20

// Divide lays out an object for a destination with these limits. Reading sets none:
// every source serves ranges of any size. It fails when the destination cannot hold an
// object of the size.
func Divide(size int64, sizes Sizes, limits driver.Limits, multipart bool) (Layout, error) {
	whole := Layout{Size: size}
	if limits.MaxObject > 0 && size > limits.MaxObject {
		return whole, fmt.Errorf("object of %d bytes is larger than the %d bytes that the store holds", size, limits.MaxObject)
	}
	fitsWhole := limits.MaxPut == 0 || size <= limits.MaxPut
	if size == 0 || !multipart || (size < sizes.Threshold && fitsWhole) {
		if !fitsWhole {
			return whole, fmt.Errorf("object of %d bytes is larger than the %d bytes of a single PUT, and the store takes no parts", size, limits.MaxPut)
		}
		return whole, nil
	}
	part := max(sizes.Part, limits.MinPart, 1)
	if limits.MaxParts > 0 {
		needed := (size + int64(limits.MaxParts) - 1) / int64(limits.MaxParts)
		if needed > part {
			part = roundUp(needed)
		}
	}
	if limits.MaxPart > 0 && part > limits.MaxPart {
		part = limits.MaxPart
	}
	layout := Layout{Size: size, PartSize: part}
	if limits.MaxParts > 0 && (size+part-1)/part > int64(limits.MaxParts) {
		return whole, fmt.Errorf("object of %d bytes does not fit into %d parts of at most %d bytes", size, limits.MaxParts, limits.MaxPart)
	}
	return layout, nil
}

// Parts of giant objects: large, because each costs a message and a few writes of the
// journal; and never so many that a store's limit of 10,000 is near.
const (
	giantPart  = 64 << 20
	giantParts = 9_000
)

// DivideGiant lays out an object whose parts many machines copy, in parts of the wished
// size, 0 for automatic, or larger. It fails as Divide does, and where the store takes
// no parts.
func DivideGiant(size, part int64, limits driver.Limits, multipart bool) (Layout, error) {
	if !multipart || size == 0 {
		return Layout{Size: size}, fmt.Errorf("object of %d bytes cannot be written in parts to this store", size)
	}
	if part == 0 {
		part = giantPart
	}
	if needed := (size + giantParts - 1) / giantParts; needed > part {
		part = roundUp(needed)
	}
	return Divide(size, Sizes{Part: part}, limits, true)
}

func roundUp(size int64) int64 {
	if rest := size % granule; rest != 0 && size < 1<<62 {
		size += granule - rest
	}
	return size
}
