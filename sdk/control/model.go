package control

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// Fate says what becomes of a header of a store's object model in a copy.
type Fate int

// The fates.
const (
	// Carried headers have a field of driver.Object, and the copy has them where its store
	// can hold them.
	Carried Fate = 1
	// Told headers are attributes of the object that no field has: the copy lacks them, and
	// the user hears so.
	Told Fate = 2
	// Apart headers are no attributes of the object: they say how the store keeps it, where
	// it is in its life there, or how this request went. The destination has its own.
	Apart Fate = 3
)

// ObjectModel says of each header of a store's answers to GET and HEAD what becomes of it,
// beside those that HTTP itself gives every object. Names are lower case; they are written as
// driver.Reply.NotCarried has them, so a header may be told with one value alone. A header
// that the model does not have is not told: stores and what stands before them add headers of
// their own at any time, and a run must not end, nor a report fill, for those.
type ObjectModel map[Fate][]string

// NotCarried returns the names for driver.Reply.NotCarried.
func (m ObjectModel) NotCarried() []string { return slices.Sorted(slices.Values(m[Told])) }

// notCarried returns what of an answer the names have, each as "NAME: VALUE", ascending.
func notCarried(names []string, header http.Header) []string {
	var found []string
	for name, values := range header {
		if value := strings.Join(values, ","); driver.IsNotCarried(names, name, value) {
			found = append(found, strings.ToLower(name)+": "+value)
		}
	}
	slices.Sort(found)
	return found
}
