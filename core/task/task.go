// Package task defines the unit of work that travels through a queue: a batch
// of objects to copy, and its encoding.
package task

import (
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// Task asks for one object to be copied.
type Task struct {
	Key       string    // relative: what follows the location's prefix, equal on both sides
	Size      int64     // bytes, as listed at the source
	ETag      string    // source ETag as listed; the copy is of this version or is planned again
	VersionID string    // source version; empty for the current one
	Modified  time.Time // source modification time as listed
	// StorageClass is the source's, in its own words; empty where it names none.
	StorageClass string
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

// Batch is what one queue message holds.
type Batch struct {
	Run   string // identifies the run that found the work
	Tasks []Task
}
