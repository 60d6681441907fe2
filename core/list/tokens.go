package list

import (
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
)

// Tokens follows a paged answer and refuses one that does not end: a store, or something
// on the way to it, that hands out the same page tokens again would be asked for ever.
// It is for one listing and one goroutine; the zero value is ready.
//
// It remembers one token, and another one after every power of two of pages (Brent's
// cycle finding): tokens that come around are refused within three rounds, in no memory,
// however many pages a listing has.
type Tokens struct {
	Most int // pages; 0 for as many as there are

	pages int
	mark  string // a token seen before
	until int    // the page whose token is remembered next
}

// Follow takes the token that leads from one page to the next and says why it cannot be
// followed. op and key name the request in the error.
func (t *Tokens) Follow(op, key, next string) error {
	t.pages++
	var message string
	switch {
	case next == "":
		return nil
	case next == t.mark:
		message = "the store returned a page token that it had returned before, so the list has no end"
	case t.Most > 0 && t.pages >= t.Most:
		message = fmt.Sprintf("the list does not end within %d pages", t.Most)
	default:
		if t.pages > t.until {
			t.mark, t.until = next, 2*t.pages
		}
		return nil
	}
	return &driver.Error{Op: op, Key: key, Kind: driver.KindFatal, Message: message}
}
