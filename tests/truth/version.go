package truth

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/dth-dev/dth/sdk/driver"
)

// Version is what an object holds: bytes and attributes that no other version of the
// history has. An empty one has no attributes, so that it is like every other empty one.
type Version struct {
	Number   int
	Size     int
	Language bool // it has the header that some destinations cannot hold
	Metadata bool
}

func (v Version) String() string {
	text := fmt.Sprintf("version %d of %d bytes", v.Number, v.Size)
	if v.Size > 0 && v.Language {
		text += " with Content-Language"
	}
	if v.Size > 0 && v.Metadata {
		text += " with metadata"
	}
	return text
}

// bytes returns the bytes of the version.
func (v Version) bytes() []byte {
	random := rand.NewChaCha8([32]byte{byte(v.Number), byte(v.Number >> 8), 7})
	data := make([]byte, v.Size)
	_, _ = random.Read(data) // never fails
	return data
}

// attributes returns the attributes of the version, without the header that a store
// loses if it does.
func (v Version) attributes(loses bool) driver.Attributes {
	if v.Size == 0 {
		return driver.Attributes{}
	}
	a := driver.Attributes{ContentType: fmt.Sprintf("text/v%d", v.Number)}
	if v.Language && !loses {
		a.ContentLanguage = "de"
	}
	if v.Metadata {
		a.CacheControl = "no-cache"
		a.Metadata = []driver.Metadata{{Name: "version", Value: fmt.Sprint(v.Number)}}
	}
	return a
}

// is says whether a stored object is the version. Lost says that it may lack the header
// that the destination cannot hold.
func (v Version) is(object driver.Object, data []byte, lost bool) bool {
	if len(data) != v.Size || !bytes.Equal(data, v.bytes()) {
		return false
	}
	return sameAttributes(object.Attributes, v.attributes(false)) || lost && sameAttributes(object.Attributes, v.attributes(true))
}

func sameAttributes(a, b driver.Attributes) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
