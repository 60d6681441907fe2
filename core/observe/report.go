package observe

import (
	"time"

	"github.com/dth-dev/dth/core/journal"
)

// Snapshot is how far a run has come.
type Snapshot struct {
	Listed       int64 // source objects
	ListingDone  bool  // Planned does not grow any more
	Planned      int64
	PlannedBytes int64
	Copied       int64
	CopiedBytes  int64 // of finished objects
	MovedBytes   int64 // sent or copied inside the store so far, of objects in flight too
	InFlight     int64
	Failed       int64 // and skipped
}

// Snapshot returns the counts at this moment.
func (c *Counters) Snapshot() Snapshot {
	return Snapshot{
		Listed:       c.ListedSource.Load(),
		ListingDone:  c.ListingDone.Load(),
		Planned:      c.Planned.Load(),
		PlannedBytes: c.PlannedBytes.Load(),
		Copied:       c.Copied.Load(),
		CopiedBytes:  c.CopiedBytes.Load(),
		MovedBytes:   c.MovedBytes.Load() + c.ResumedBytes.Load() + c.InsideBytes.Load(),
		InFlight:     c.InFlight.Load(),
		Failed:       c.Failed.Load() + c.Skipped.Load(),
	}
}

// Report is what a run did. Its JSON form is what --json prints; fields are only
// added to it.
type Report struct {
	Run         string    `json:"run"`
	Source      string    `json:"source"`
	Destination string    `json:"destination"`
	Started     time.Time `json:"started"`
	Finished    time.Time `json:"finished"`
	State       string    `json:"state"`              // done, failed, interrupted
	Error       string    `json:"error,omitempty"`    // why the run stopped before its end
	Delete      bool      `json:"delete,omitempty"`   // the run was to remove extra objects
	Unlisted    bool      `json:"unlisted,omitempty"` // the run did not compare both sides, and knows of no extra objects
	Warnings    []string  `json:"warnings,omitempty"` // what concerns the whole run
	Objects     Objects   `json:"objects"`
	Bytes       Bytes     `json:"bytes"`
	Evidence    Evidence  `json:"evidence"`
	Requests    Sides     `json:"requests"`
	Problems    []Problem `json:"problems,omitempty"` // the first ones; the journal holds all
	Vanished    []string  `json:"vanished,omitempty"` // keys, as above

	Adapted []Adaptation `json:"adapted,omitempty"` // the first ones; the journal holds all

	// UploadsLeft are uploads that stay open at the destination, at most 1,000; each later
	// run tries to end them.
	UploadsLeft []UploadLeft `json:"uploads_left,omitempty"`
}

// Objects counts objects.
type Objects struct {
	ListedSource      int64 `json:"listed_source"`
	ListedDestination int64 `json:"listed_destination"`
	Equal             int64 `json:"equal"`
	Planned           int64 `json:"planned"`
	Copied            int64 `json:"copied"`
	Inside            int64 `json:"inside"` // of them, copied by the store itself
	Failed            int64 `json:"failed"`
	Skipped           int64 `json:"skipped"`
	Archived          int64 `json:"archived"`   // of the skipped, those that the source must restore first
	Unmappable        int64 `json:"unmappable"` // of the failed and skipped, those that the destination cannot hold
	Adapted           int64 `json:"adapted"`    // of the copied, those listed in adapted
	Vanished          int64 `json:"vanished"`   // gone from the source before they were copied
	Replanned         int64 `json:"replanned"`
	Extra             int64 `json:"extra"`
	Deleted           int64 `json:"deleted"`
}

// Bytes counts bytes.
type Bytes struct {
	Planned int64 `json:"planned"`
	Copied  int64 `json:"copied"`
	Moved   int64 `json:"moved"`
	Inside  int64 `json:"inside"` // copied by the store itself
	Resumed int64 `json:"resumed"`
}

// Evidence counts copied objects by the grade of their evidence.
type Evidence struct {
	BothEnds int64 `json:"both_ends"`
	OneEnd   int64 `json:"one_end"`
	SizeOnly int64 `json:"size_only"`
}

// Sides holds the number of requests to each side by operation.
type Sides struct {
	Source      map[string]int64 `json:"source"`
	Destination map[string]int64 `json:"destination"`
}

// Problem is one object that was not copied. Error may be empty where a run was killed.
type Problem struct {
	Key     string          `json:"key"`
	Outcome journal.Outcome `json:"outcome"`
	Error   string          `json:"error"`
}

// Adaptation is one object that was copied otherwise than it is at the source.
type Adaptation struct {
	Key     string   `json:"key"`
	Written string   `json:"written,omitempty"` // key at the destination, relative as Key is, where it is another
	Changes []string `json:"changes,omitempty"` // what was left out or encoded, in words
}

// Fill copies the counts into the report.
func (c *Counters) Fill(report *Report) {
	report.Objects = Objects{
		ListedSource:      c.ListedSource.Load(),
		ListedDestination: c.ListedDestination.Load(),
		Equal:             c.Equal.Load(),
		Planned:           c.Planned.Load(),
		Copied:            c.Copied.Load(),
		Inside:            c.Inside.Load(),
		Failed:            c.Failed.Load(),
		Skipped:           c.Skipped.Load(),
		Archived:          c.Archived.Load(),
		Unmappable:        c.Unmappable.Load(),
		Adapted:           c.Adapted.Load(),
		Vanished:          c.Vanished.Load(),
		Replanned:         c.Replanned.Load(),
		Extra:             c.Extra.Load(),
		Deleted:           c.Deleted.Load(),
	}
	report.Bytes = Bytes{
		Planned: c.PlannedBytes.Load(),
		Copied:  c.CopiedBytes.Load(),
		Moved:   c.MovedBytes.Load(),
		Inside:  c.InsideBytes.Load(),
		Resumed: c.ResumedBytes.Load(),
	}
	report.Evidence = Evidence{BothEnds: c.gradeBoth.Load(), OneEnd: c.gradeOne.Load(), SizeOnly: c.gradeSize.Load()}
	report.UploadsLeft = c.UploadsLeft()
	report.Requests = Sides{Source: c.Source.Map(), Destination: c.Destination.Map()}
}
