package journal

import (
	"cmp"
	"slices"
	"time"
)

// Proof is a state of a key in which the destination was known to hold the source's
// object. It is of use only while both stores still show that state.
type Proof struct {
	Size            int64
	SourceETag      string
	SourceVersion   string
	SourceModified  time.Time
	DestinationETag string
	Grade           Grade
	Adapted         bool // what the destination holds was changed to fit it
}

// IsZero says that nothing was ever proved.
func (p Proof) IsZero() bool { return p == Proof{} }

// LastProof returns the last state in which the key was proved: by the record itself where
// it is done, else the one that it keeps from before.
func (r Record) LastProof() Proof {
	if r.Outcome != OutcomeDone {
		return r.Proved
	}
	return Proof{
		Size: r.Size, SourceETag: r.SourceETag, SourceVersion: r.SourceVersion, SourceModified: r.SourceModified,
		DestinationETag: r.DestinationETag, Grade: r.Grade, Adapted: len(r.Changes) > 0,
	}
}

// Keeping returns the record as it is to replace before: one that is not done keeps the
// last proof, which versions have failed since, and since when, unless it tells that the
// destination's object was removed. Each keeps what messages of its run counted.
func (r Record) Keeping(before Record) Record {
	r.Proved, r.Unproved, r.Since, r.Counted = Proof{}, nil, "", before.counting(r)
	if !r.IsDoubted() || r.Outcome == OutcomeDeleted {
		return r
	}
	r.Proved = before.LastProof()
	if !before.IsDoubted() || before.Outcome == OutcomeDeleted {
		return r
	}
	r.Unproved = before.unproved(r)
	if since := cmp.Or(before.Since, before.Run); since != r.Run {
		r.Since = since
	}
	return r
}

// unprovedKept is how many versions are told apart that failed. Of keys of which more did,
// every version counts as one that did.
const unprovedKept = 8

const everyVersion = "*" // no ETag

// unproved returns the versions that failed or were interrupted up to this record, for the
// one that takes its place.
func (r Record) unproved(next Record) []string {
	again := next.Outcome == r.Outcome && next.SourceETag == r.SourceETag
	if r.Outcome != OutcomeFailed && r.Outcome != OutcomeInterrupted || again || slices.Contains(r.Unproved, r.SourceETag) {
		return r.Unproved
	}
	if len(r.Unproved) >= unprovedKept {
		return []string{everyVersion}
	}
	return append(r.Unproved[:len(r.Unproved):len(r.Unproved)], r.SourceETag)
}

// FailedFor says that a copy of the version with this ETag failed and was not made since. Its
// bytes may be at the destination nevertheless, without all of its attributes.
func (r Record) FailedFor(etag string) bool {
	return r.Outcome == OutcomeFailed && r.SourceETag == etag || slices.Contains(r.Unproved, etag) || slices.Contains(r.Unproved, everyVersion)
}

// IsDoubted says that a copy of the key was begun and is not known to have succeeded: what
// the destination holds may be an older version, or damaged, whatever its size and time.
func (r Record) IsDoubted() bool { return r.Outcome != "" && r.Outcome != OutcomeDone }
