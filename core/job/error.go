package job

import (
	"errors"
	"strings"
)

// Error is a mistake in what the user wrote. Its text never repeats a value
// that could be a secret.
type Error struct {
	Where string // "source", "--transfers", "DTH_MEMORY", "dth.yaml:3:7"; empty while not known
	What  string // what is wrong
	Do    string // what to do about it; empty where What says it all
	Usage bool   // written on the command line, not in a file or variable
}

// Error returns "WHERE: WHAT: DO".
func (e *Error) Error() string {
	var parts []string
	for _, part := range []string{e.Where, e.What, e.Do} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// At returns err with the place where the user wrote the mistake, outermost
// first. An err that is not an *Error becomes one.
func At(where string, usage bool, err error) error {
	if err == nil {
		return nil
	}
	var mistake *Error
	if !errors.As(err, &mistake) {
		return &Error{Where: where, What: err.Error(), Usage: usage}
	}
	placed := *mistake
	placed.Usage = usage
	switch {
	case mistake.Where == "":
		placed.Where = where
	case where != "":
		placed.Where = where + ": " + mistake.Where
	}
	return &placed
}
