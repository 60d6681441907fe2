package event

import (
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

// collapse returns the one change that stands for the events of one key, in whatever
// order they come; wanted is false where the mode leaves it alone.
//
// Events that all have a sequencer are in order: the newest counts. One without makes
// the order unknown, however the others stand to each other. Then a deletion among
// them is the careful choice, as it is preceded by a look at the source and copies
// what it finds there, while a copy that finds nothing leaves the destination as it is.
//
// Where deletions are not followed they hide no write: a newer one may be of an older
// version, and what was written stands there still.
func (r *Reader) collapse(events []driver.Event) (change Change, wanted bool) {
	told := len(events)
	if r.Mode != CreateAndDelete {
		events = slices.DeleteFunc(slices.Clone(events), isDeletion)
	}
	if len(events) == 0 {
		return Change{}, false
	}
	newest, ordered := newestOf(events)
	change = Change{Key: newest.Key, Events: told}
	for _, event := range events {
		change.Delete = change.Delete || isDeletion(event)
		change.Size = max(change.Size, event.Size)
		if event.Time.After(change.Time) {
			change.Time = event.Time
		}
	}
	if !ordered {
		return change, true
	}
	change.Sequencer = Pad(newest.Sequencer)
	change.Delete = isDeletion(newest)
	if !change.Delete {
		change.ETag, change.VersionID = newest.ETag, newest.VersionID
	}
	return change, true
}

func isDeletion(event driver.Event) bool { return event.Kind == driver.EventDeleted }

// newestOf returns the newest event of one key, and whether their order is known. That
// an object became readable again is no write: it has no place in the order of writes,
// even where its notification has a sequencer.
func newestOf(events []driver.Event) (newest driver.Event, ordered bool) {
	newest, ordered = events[0], true
	for _, event := range events { // the first too: its sequencer may be none
		order, known := Compare(event.Sequencer, newest.Sequencer)
		ordered = ordered && known && event.Kind != driver.EventRestored
		if order > 0 {
			newest = event
		}
	}
	for _, event := range events {
		if order, _ := Compare(event.Sequencer, newest.Sequencer); order == 0 && event.Kind != newest.Kind {
			ordered = false // a store that gives both the same sequencer knows no order
		}
	}
	return newest, ordered
}
