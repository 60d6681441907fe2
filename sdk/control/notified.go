package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Message returns the text of an error that [Invalid] made, without operation and kind,
// to be the Problem of an event. Of another error it returns the whole text.
func Message(err error) string {
	var refused *driver.Error
	if errors.As(err, &refused) && refused.Message != "" {
		return refused.Message
	}
	return err.Error()
}

// Misfit says why JSON did not fit what it was read into. The text is the same for every
// release of Go, which that of an error of encoding/json is not, and names no Go type.
func Misfit(err error) string {
	var misfit *json.UnmarshalTypeError
	var broken *json.SyntaxError
	var date *time.ParseError
	switch {
	case errors.As(err, &misfit):
		return fmt.Sprintf("a value (%s) is of another type than expected", misfit.Value)
	case errors.As(err, &broken):
		return "it is no JSON"
	case errors.As(err, &date):
		return "a time is not written as RFC 3339 says"
	}
	return fmt.Sprintf("it cannot be read: %v", err)
}
