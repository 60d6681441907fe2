// Package task defines the unit of work that travels through a queue: a batch of objects
// to copy, or of parts of giant objects and orders about them, and its encoding.
package task

import (
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Action is what a task asks for. Its numbers are part of the encoding.
type Action uint8

// The actions.
const (
	Copy   Action = 0 // make the destination hold the source object
	Delete Action = 1 // the source object is said to be gone: remove the destination's, if so
	Look   Action = 2 // look at both ends and mend what differs, whatever is on record
)

// Task asks for one object to be copied, or deleted.
type Task struct {
	Key       string    // relative: what follows the location's prefix, equal on both sides
	Size      int64     // bytes, as listed at the source
	ETag      string    // source ETag as listed; the copy is of this version or is planned again
	VersionID string    // source version; empty for the current one
	Modified  time.Time // source modification time as listed
	// StorageClass is the source's, in its own words; empty where it names none.
	StorageClass string

	// The rest is set by queues that many machines share.

	Action Action
	// Sequencer orders the events of one key, see driver.Event; empty for what a
	// listing found.
	Sequencer string
	Attempt   int    // how often the task failed before
	Reason    string // of the last failure; no secret
}

// FromObject returns the task that copies a listed source object whose key
// starts with prefix.
func FromObject(object driver.Object, prefix string) Task {
	return Task{
		Key:          object.Key[len(prefix):],
		Size:         object.Size,
		ETag:         object.ETag,
		VersionID:    object.VersionID,
		Modified:     object.Modified,
		StorageClass: object.StorageClass,
	}
}

// Part asks for one part of a giant object.
type Part struct {
	Upload  string // ID of the giant's record, not the store's
	Number  int    // from 1
	Attempt int    // how often it failed before
	Reason  string // of the last failure; no secret
}

// OrderKind is what is to be done with a giant object as a whole.
type OrderKind string

// The kinds of orders: the values of "t" in the state machine's messages.
const (
	OrderComplete OrderKind = "mpu-complete" // join the parts
	OrderAbort    OrderKind = "mpu-abort"    // give the upload up
	OrderWatch    OrderKind = "mpu-watch"    // start the state machine again before its history is full
)

// Order asks for something about a giant object as a whole.
type Order struct {
	Kind    OrderKind
	Upload  string // ID of the giant's record, not the store's
	Token   string // of the state machine's task that waits for the result; empty when none does
	RollAt  int    // with OrderWatch: the number of polls at which the next execution hands over
	Attempt int    // how often it failed before
}

// Batch is what one queue message holds.
type Batch struct {
	Run    string // identifies the run that found the work
	Pair   string // fingerprint of the locations that the work is of; empty where it is not stated
	Tasks  []Task
	Parts  []Part  // of giant objects; empty in embedded mode
	Orders []Order // about giant objects; empty in embedded mode
}
