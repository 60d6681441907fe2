package event

import "github.com/dth-dev/dth/sdk/driver"

// collapse returns the one change that stands for the events of one key, in whatever
// order they come; wanted is false where the mode leaves it alone.
//
// Events that all have a sequencer are in order: the newest counts. One without makes
// the order unknown, however the others stand to each other. Then a deletion among
// them is the careful choice, as it is preceded by a look at the source and copies
// what it finds there, while a copy that finds nothing leaves the destination as it is.
func (r *Reader) collapse(events []driver.Event) (change Change, wanted bool) {
	newest, ordered := newestOf(events)
	change = Change{Key: newest.Key, Events: len(events)}
	deleted, written := false, false
	for _, event := range events {
		deleted = deleted || event.Kind == driver.EventDeleted
		written = written || event.Kind != driver.EventDeleted
		change.Size = max(change.Size, event.Size)
		if event.Time.After(change.Time) {
			change.Time = event.Time
		}
	}
	if !ordered {
		change.Delete = deleted && r.Mode == CreateAndDelete
		return change, written || change.Delete
	}
	change.Sequencer = Pad(newest.Sequencer)
	change.Delete = newest.Kind == driver.EventDeleted
	if !change.Delete {
		change.ETag, change.VersionID = newest.ETag, newest.VersionID
	}
	return change, !change.Delete || r.Mode == CreateAndDelete
}

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
