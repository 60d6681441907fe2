package journal

import "time"

// Proof is a state of a key in which the destination was known to hold the source's
// object. It is of use only while both stores still show that state.
type Proof struct {
	Size            int64
	SourceETag      string
	SourceVersion   string
	SourceModified  time.Time
	DestinationETag string
	Grade           Grade
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
		DestinationETag: r.DestinationETag, Grade: r.Grade,
	}
}

// Keeping returns the record as it is to replace before: one that is not done keeps the
// last proof, unless it tells that the destination's object was removed.
func (r Record) Keeping(before Record) Record {
	r.Proved = Proof{}
	if r.Outcome != OutcomeDone && r.Outcome != OutcomeDeleted {
		r.Proved = before.LastProof()
	}
	return r
}

// FailedFor says that the copy of the version with this ETag failed. Its bytes may be at the
// destination nevertheless, without all of its attributes.
func (r Record) FailedFor(etag string) bool {
	return r.Outcome == OutcomeFailed && r.SourceETag == etag
}

// IsDoubted says that a copy of the key was begun and is not known to have succeeded: what
// the destination holds may be an older version, or damaged, whatever its size and time.
func (r Record) IsDoubted() bool { return r.Outcome != "" && r.Outcome != OutcomeDone }
