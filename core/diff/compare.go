package diff

import (
	"strings"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
)

// Verdict is what a comparison of listings says of a key that both sides have.
type Verdict int

// The verdicts.
const (
	Same Verdict = iota
	Different
	Unclear // the listings do not tell: ask both stores for checksums
)

// Comparer compares pairs.
type Comparer struct {
	By job.Compare
	// SourceMD5 and DestinationMD5 say that the side's ETags of single PUTs are
	// MD5s of the bytes; where both are, ETags can be compared.
	SourceMD5, DestinationMD5 bool
	// Strict leaves what only times suggest Unclear.
	Strict bool
	// Whole takes no copy for its object that was adapted to the destination: whoever allowed
	// that in another run does not now.
	Whole bool
}

// Compare compares a pair that both sides have. A key that the journal doubts is the same
// only by what the stores state or by its last proof, whatever the user compares by: its
// size and time may be those of a damaged or an older object.
func (c Comparer) Compare(pair Pair) Verdict {
	switch {
	case pair.Source.Size != pair.Destination.Size:
		return Different
	case c.Whole && pair.Record != nil && pair.Record.LastProof().Adapted:
		return Different
	case pair.Record != nil && pair.Record.IsDoubted():
		return c.doubted(pair)
	}
	switch c.By {
	case job.CompareSize:
		return Same
	case job.CompareMtime:
		return byTime(pair)
	case job.CompareChecksum:
		return Unclear
	case job.CompareETag:
		if verdict := c.byETag(pair); verdict != Unclear {
			return verdict
		}
		return byProof(pair)
	}
	proved := byProof(pair)
	if proved == Same {
		return Same
	}
	if verdict := c.byETag(pair); verdict != Unclear {
		return verdict
	}
	if proved != Unclear || c.Strict {
		return proved
	}
	if unchanged(pair) {
		return Same
	}
	return byTime(pair)
}

// doubted compares a pair whose last copy is not known to have succeeded. One that failed
// for this very version is made again even where the bytes are the same, and whatever was
// proved before: its attributes may be what did not arrive. So may those of one that was
// interrupted: where its bytes are the same, both stores are asked. Who compares by more than
// listings asks both stores, too.
func (c Comparer) doubted(pair Pair) Verdict {
	switch {
	case c.Strict:
	case pair.Record.FailedFor(pair.Source.ETag):
		return Different
	case pair.Record.Outcome == journal.OutcomeInterrupted && c.By != job.CompareChecksum:
		if c.byETag(pair) == Same {
			return Unclear
		}
		return Different
	}
	switch {
	case c.By == job.CompareChecksum:
		return Unclear
	case !c.Strict && byProof(pair) == Same && !rewritten(pair.Record.LastProof(), pair):
		return Same
	}
	verdict := c.byETag(pair)
	if verdict == Unclear && !c.Strict && c.By != job.CompareETag {
		return Different
	}
	return verdict
}

// byETag decides where the ETags of both sides are MD5s; those of parts only
// where they are equal, because other part sizes give other ETags.
func (c Comparer) byETag(pair Pair) Verdict {
	source, destination := pair.Source.ETag, pair.Destination.ETag
	if !c.SourceMD5 || !c.DestinationMD5 || source == "" || destination == "" || isWeak(source) || isWeak(destination) {
		return Unclear
	}
	switch {
	case strings.EqualFold(source, destination):
		return Same
	case singlePutMD5(source) && singlePutMD5(destination):
		return Different
	}
	return Unclear
}

// byProof decides where the journal holds a proof: nothing changed when both ETags are
// those of then, something did when one is another, or the time of a source that has no
// ETag, or a weak one.
func byProof(pair Pair) Verdict {
	if pair.Record == nil {
		return Unclear
	}
	proof := pair.Record.LastProof()
	source := sameETag(proof.SourceETag, pair.Source.ETag)
	destination := sameETag(proof.DestinationETag, pair.Destination.ETag)
	switch {
	case source == Different || destination == Different:
		return Different
	case (source == Unclear || isWeak(proof.SourceETag)) && rewritten(proof, pair):
		return Different
	case source == Same && destination == Same:
		return Same
	}
	return Unclear
}

// sameETag compares an ETag on record with one that is listed now.
func sameETag(recorded, listed string) Verdict {
	switch {
	case recorded == "" || listed == "":
		return Unclear
	case recorded == listed:
		return Same
	}
	return Different
}

// isWeak says that an ETag does not stand for the bytes: RFC 9110, section 8.8.1.
func isWeak(etag string) bool { return strings.HasPrefix(etag, "W/") }

// rewritten says that the source's time of modification is another than when it was
// proved, to the second: that is all that many stores tell.
func rewritten(proof journal.Proof, pair Pair) bool {
	then, now := proof.SourceModified, pair.Source.Modified
	return !then.IsZero() && !now.IsZero() && then.Unix() != now.Unix()
}

// unchanged says that the destination's ETag and the source's time of modification are
// those of the last proof. No clock is compared with another.
func unchanged(pair Pair) bool {
	if pair.Record == nil {
		return false
	}
	proof := pair.Record.LastProof()
	return sameETag(proof.DestinationETag, pair.Destination.ETag) == Same &&
		!proof.SourceModified.IsZero() && !pair.Source.Modified.IsZero() && !rewritten(proof, pair)
}

// byTime takes a destination that is not older than the source for its copy, unless the
// source was rewritten since it was proved: its clock may be behind the destination's. A
// time that a store does not tell says nothing.
func byTime(pair Pair) Verdict {
	source, destination := pair.Source.Modified, pair.Destination.Modified
	switch {
	case source.IsZero() || destination.IsZero() || destination.Before(source):
		return Different
	case pair.Record != nil && rewritten(pair.Record.LastProof(), pair):
		return Different
	}
	return Same
}
