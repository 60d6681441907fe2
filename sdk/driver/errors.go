package driver

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classifies failures by what the caller should do. Its numbers equal the
// wire's and never change.
type Kind int

// The kinds.
const (
	KindUnknown            Kind = 0
	KindNotFound           Kind = 1  // object, bucket or upload does not exist
	KindDenied             Kind = 2  // credentials refused, or the right is missing
	KindThrottled          Kind = 3  // slow down, then retry
	KindUnavailable        Kind = 4  // retry: network, 5xx, crashed plugin
	KindPreconditionFailed Kind = 5  // the object is not the version that was asked for
	KindInvalidArgument    Kind = 6  // the request can never succeed as it is
	KindUnsupported        Kind = 7  // the store cannot do this
	KindFrozen             Kind = 8  // archived: restore before reading
	KindIntegrity          Kind = 9  // the store saw other bytes than were sent
	KindExpired            Kind = 10 // signature, token, clock, or keys that were replaced: sign again
	KindFatal              Kind = 11 // a defect or a closed handle: stop
)

var kindNames = [...]string{
	"unknown", "not found", "denied", "throttled", "unavailable", "precondition failed",
	"invalid argument", "unsupported", "frozen", "integrity", "expired", "fatal",
}

// String returns the kind's name.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Retriable says whether the same request may succeed later.
func (k Kind) Retriable() bool {
	return k == KindThrottled || k == KindUnavailable || k == KindExpired || k == KindIntegrity
}

// CodeNoSuchBucket is the Code of KindNotFound when it is the bucket that does not
// exist. Drivers report it under this code, whatever the store calls it, because
// an absent bucket is never an absent object.
const CodeNoSuchBucket = "NoSuchBucket"

// Error is how every driver method reports failure. It carries no secret: no
// query string, no header and no credential.
type Error struct {
	Op         string // the driver method, e.g. "List"
	Bucket     string
	Key        string // empty where the operation has none
	Kind       Kind
	Code       string        // the store's own code, e.g. "NoSuchBucket"
	Status     int           // HTTP status; 0 where there was no answer
	RequestID  string        // as the store's support asks for it
	RetryAfter time.Duration // the store's wish; 0 for none
	Message    string        // the store's text for people, or ours
	Err        error         // cause in this process; lost on the wire except for its text
}

// Error returns "OP KEY: MESSAGE (CODE, request id ID)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Key != "" {
		fmt.Fprintf(&b, " %q", e.Key)
	}
	b.WriteString(": ")
	switch {
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(e.Kind.String())
	}
	var notes []string
	if e.Code != "" {
		notes = append(notes, e.Code)
	} else if e.Status != 0 {
		notes = append(notes, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.RequestID != "" {
		notes = append(notes, "request id "+e.RequestID)
	}
	if len(notes) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(notes, ", "))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, KindUnknown when
// there is none.
func KindOf(err error) Kind {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Kind
	}
	return KindUnknown
}
