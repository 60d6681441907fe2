package transfer

import (
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// Role says which side of a job a store is on.
type Role string

// The roles.
const (
	Source      Role = "source"
	Destination Role = "destination"
)

// Error is a failure with the side it happened on and what to do about it.
type Error struct {
	Side    Role
	Bucket  string
	Attempt int // how often it was tried; 0 where that is not counted
	Err     error
}

// Error returns "SIDE: bucket "B", after N attempts: CAUSE; ADVICE".
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: bucket %q", e.Side, e.Bucket)
	if e.Attempt > 1 {
		text += fmt.Sprintf(", after %d attempts", e.Attempt)
	}
	text += ": " + e.Err.Error()
	if advice := e.advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) advice() string {
	var failure *driver.Error
	if !errors.As(e.Err, &failure) {
		return ""
	}
	switch failure.Kind {
	case driver.KindNotFound:
		if failure.Key == "" || failure.Code == driver.CodeNoSuchBucket {
			return "create the bucket, or check its name and the endpoint"
		}
	case driver.KindDenied:
		right := "read"
		if e.Side == Destination {
			right = "write"
		}
		if failure.Op == "List" {
			right = "list"
		}
		return fmt.Sprintf("check the credentials of the %s and that they may %s this bucket", e.Side, right)
	case driver.KindThrottled:
		return "the store asks for fewer requests: run again with fewer --transfers"
	case driver.KindUnavailable:
		return "check the endpoint and the network, then run the same command again: it goes on where it stopped"
	case driver.KindExpired:
		return "renew the credentials and check the clocks, then run the same command again: it goes on where it stopped"
	case driver.KindFrozen:
		return "restore it first, then run again"
	case driver.KindIntegrity:
		if e.Side == Source && failure.Op == "GET" {
			return "run again; when it comes back, connect to the store without a proxy that changes bodies, look at the object's Content-Encoding, and check the network and memory"
		}
		return "bytes were damaged on the way: run again, and check the network and memory when it comes back"
	}
	return ""
}

// archived says whether the source keeps the object where it must be restored before it
// is read.
func archived(err error) bool {
	var side *Error
	return driver.KindOf(err) == driver.KindFrozen && errors.As(err, &side) && side.Side == Source
}

// Archived returns why an object is not copied that the listing says must be restored.
func (s *Side) Archived(t task.Task) error {
	return namedClass(t, s.failed(0, &driver.Error{
		Op: "List", Bucket: s.Name, Key: s.Prefix + t.Key, Kind: driver.KindFrozen, Message: "archived",
	}))
}

// namedClass says of an archived object in which class it is, where the listing did.
func namedClass(t task.Task, err error) error {
	var side *Error
	var failure *driver.Error
	if !archived(err) || t.StorageClass == "" || !errors.As(err, &side) || !errors.As(err, &failure) {
		return err
	}
	named, located := *failure, *side
	named.Message = "archived in class " + t.StorageClass
	located.Err = &named
	return &located
}

// changedError says that the source object is no longer the version that was
// planned.
type changedError struct{ what string }

func (e *changedError) Error() string {
	return "the source object changed while it was copied: " + e.what
}

// IsChanged says whether the source object is no longer the version that was planned
// and must be looked at again.
func IsChanged(err error) bool {
	var changed *changedError
	return errors.As(err, &changed)
}
