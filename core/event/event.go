// Package event turns what a source store notifies of into changes of a job's keys:
// it has the plugin read the notification, leaves out what the job does not concern
// and keeps one change a key, the newest.
package event

import (
	"fmt"
	"time"
)

// Mode says which events a job follows.
type Mode int

// The modes. They begin at 1, so that a mode nobody set is none.
const (
	Create          Mode = 1 // what was written is copied; what was deleted stays
	CreateAndDelete Mode = 2 // what was deleted is deleted, too
)

// String returns the mode's name, as ParseMode reads it.
func (m Mode) String() string {
	switch m {
	case Create:
		return "Create"
	case CreateAndDelete:
		return "CreateAndDelete"
	}
	return "unknown"
}

// ParseMode reads the name of a mode.
func ParseMode(name string) (Mode, error) {
	for _, mode := range []Mode{Create, CreateAndDelete} {
		if name == mode.String() {
			return mode, nil
		}
	}
	return 0, fmt.Errorf("there is no mode of events called %q: write Create or CreateAndDelete", name)
}

// Change is what became of one key, as far as the events of one message tell. It is a
// hint to look, never proof: the message may be late, repeated or overtaken by another,
// so what is copied is the object that stands at the source now.
type Change struct {
	Key string // whole, as in the source bucket

	// Delete says that the newest event is a deletion, or that the order is unknown and
	// one event is. Nothing is deleted for that alone: deleting one version of an
	// object, or its delete marker, may leave or bring back another. Where a look at
	// the source finds the object, a Delete means to copy it.
	Delete bool

	// Sequencer is that of the newest event, as Pad makes it. It is empty where the
	// order of the events is unknown: then what an earlier message left in the journal
	// says nothing about this change, which is carried out after a look at both ends.
	Sequencer string

	// What the newest event told of the object; ETag and VersionID are empty for a
	// deletion and where the order is unknown. Size is the largest that was told, in
	// bytes, and serves to choose how to copy.
	Size      int64
	ETag      string
	VersionID string
	Time      time.Time // the latest, by the store's clock

	Events int // how many events of the message it stands for, at least 1
}

// Problem is one record of a notification that cannot be carried out. It goes to the
// dead-letter queue, while the other records are worked on.
type Problem struct {
	Name   string // the store's own name of the event; empty where that is unknown, too
	Bucket string // as Name
	Key    string // as Name
	Reason string // printable, at most maxReason bytes
}

// Reading is what one message tells.
// Events = len(Problems) + Foreign + Kept + the Events of all Changes.
type Reading struct {
	Changes  []Change // one a key, in the order in which the keys first stand in the message
	Problems []Problem
	Events   int // all that the message tells of, readable or not
	Foreign  int // of them, those of another bucket or outside the prefix
	Kept     int // of them, those of keys that were only deleted and that mode Create keeps
}
