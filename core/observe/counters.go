// Package observe counts what a run does and tells it: as a snapshot while it
// goes on, as a report when it ends.
package observe

import (
	"sync/atomic"

	"github.com/dth-dev/dth/core/journal"
)

// Operation is one kind of request to a store.
type Operation int

// The operations, in the order of reports.
const (
	List Operation = iota
	Stat
	Get
	Put
	Delete
	CreateUpload
	PutPart
	ListParts
	CompleteUpload
	AbortUpload
	ListUploads
	ReachCopy
	CopyObject
	CopyPart
	GetTags
	operations
)

var operationNames = [operations]string{
	"list", "stat", "get", "put", "delete",
	"create-upload", "put-part", "list-parts", "complete-upload", "abort-upload", "list-uploads",
	"reach-copy", "copy-object", "copy-part", "get-tags",
}

// String returns the operation's name in reports.
func (o Operation) String() string { return operationNames[o] }

// Requests counts the requests to one store, failed ones included.
type Requests [operations]atomic.Int64

// Count adds one request.
func (r *Requests) Count(operation Operation) { r[operation].Add(1) }

// Map returns the counts that are not zero, by name.
func (r *Requests) Map() map[string]int64 {
	counts := map[string]int64{}
	for operation := range r {
		if n := r[operation].Load(); n > 0 {
			counts[Operation(operation).String()] = n
		}
	}
	return counts
}

// Counters are what a run counts. All may be changed and read at any time.
type Counters struct {
	Source, Destination Requests

	ListedSource      atomic.Int64 // objects listed
	ListedDestination atomic.Int64
	ListingDone       atomic.Bool
	Equal             atomic.Int64 // objects that need no copy
	Planned           atomic.Int64 // objects to copy, found so far
	PlannedBytes      atomic.Int64
	InFlight          atomic.Int64 // objects being copied at this moment
	Copied            atomic.Int64 // objects copied with evidence
	CopiedBytes       atomic.Int64 // of them
	MovedBytes        atomic.Int64 // bytes sent to the destination, retries included
	ResumedBytes      atomic.Int64 // bytes that an interrupted run had moved already
	Inside            atomic.Int64 // of the copied objects, those that the store copied by itself
	InsideBytes       atomic.Int64 // that the store copied by itself
	Failed            atomic.Int64
	Skipped           atomic.Int64
	Archived          atomic.Int64 // of the skipped, those that the source must restore first
	Unmappable        atomic.Int64 // of the failed and skipped, those that the destination cannot hold
	Adapted           atomic.Int64 // of the copied objects, those that are not as they were: key, metadata, tags or class
	Vanished          atomic.Int64 // deleted at the source between listing and copy
	Replanned         atomic.Int64 // times that a source object changed while it was copied
	Extra             atomic.Int64 // objects that only the destination has
	Deleted           atomic.Int64 // extra objects removed
	Retried           atomic.Int64 // attempts after the first

	gradeBoth, gradeOne, gradeSize atomic.Int64

	taken atomic.Int64 // of Equal, what workers of a fleet found

	uploads uploadsLeft
}

// Add adds what came of objects. What was planned again is counted when it happens.
func (c *Counters) Add(counts journal.Counts) {
	c.Copied.Add(counts.Copied)
	c.CopiedBytes.Add(counts.Bytes)
	c.Inside.Add(counts.Inside)
	c.Failed.Add(counts.Failed)
	c.Skipped.Add(counts.Skipped)
	c.Unmappable.Add(counts.Unmappable)
	c.Archived.Add(counts.Archived)
	c.Adapted.Add(counts.Adapted)
	c.Vanished.Add(counts.Vanished)
	c.Deleted.Add(counts.Deleted)
	c.gradeBoth.Add(counts.GradeBoth)
	c.gradeOne.Add(counts.GradeOne)
	c.gradeSize.Add(counts.GradeSize)
}

// Take takes over what the workers of a fleet counted, in the place of what this process
// did itself.
func (c *Counters) Take(total journal.Counts) {
	c.Equal.Add(total.Equal - c.taken.Swap(total.Equal))
	c.Copied.Store(total.Copied)
	c.CopiedBytes.Store(total.Bytes)
	c.MovedBytes.Store(total.Bytes)
	c.Inside.Store(total.Inside)
	c.Failed.Store(total.Failed)
	c.Skipped.Store(total.Skipped)
	c.Unmappable.Store(total.Unmappable)
	c.Archived.Store(total.Archived)
	c.Adapted.Store(total.Adapted)
	c.Vanished.Store(total.Vanished)
	c.Replanned.Store(total.Replanned)
	c.Deleted.Store(total.Deleted)
	c.gradeBoth.Store(total.GradeBoth)
	c.gradeOne.Store(total.GradeOne)
	c.gradeSize.Store(total.GradeSize)
}
