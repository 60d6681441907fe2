package transfer

import "github.com/dth-dev/dth/sdk/driver"

// shape is what about a metadata pair may have a store, or a proxy before it, drop it: the
// set of characters of the name that stand beside letters, digits and "-", and what is
// unusual about the value. It is 0 for most pairs.
type shape uint64

// The bits after those of the printable US-ASCII characters, of which there are fewer.
const (
	nameControl shape = 1 << (iota + 34)
	nameBeyond        // not US-ASCII
	valueEmpty
	valueBlank  // at an end
	valueBeyond // other than printable US-ASCII
)

// nameShapes are the shapes of the bytes of names.
var nameShapes = func() (shapes [256]shape) {
	next := shape(1)
	for b := range shapes {
		switch c := byte(b); {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-':
		case c >= 0x80:
			shapes[b] = nameBeyond
		case isPrintable(c):
			shapes[b] = next
			next <<= 1
		default:
			shapes[b] = nameControl
		}
	}
	return shapes
}()

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }

func shapeOf(pair *driver.Metadata) (s shape) {
	for i := range len(pair.Name) {
		s |= nameShapes[pair.Name[i]]
	}
	value := pair.Value
	if value == "" {
		return s | valueEmpty
	}
	if first, last := value[0], value[len(value)-1]; first == ' ' || last == ' ' {
		s |= valueBlank
	}
	for i := range len(value) {
		if !isPrintable(value[i]) {
			return s | valueBeyond
		}
	}
	return s
}
