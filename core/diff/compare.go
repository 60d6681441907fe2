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
}

// Compare compares a pair that both sides have.
func (c Comparer) Compare(pair Pair) Verdict {
	if pair.Source.Size != pair.Destination.Size {
		return Different
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
		return byJournal(pair)
	}
	if verdict := byJournal(pair); verdict == Same {
		return Same
	}
	if verdict := c.byETag(pair); verdict != Unclear {
		return verdict
	}
	if verdict := byJournal(pair); verdict != Unclear || c.Strict {
		return verdict
	}
	return byTime(pair)
}

// byETag decides where the ETags of both sides are MD5s; those of parts only
// where they are equal, because other part sizes give other ETags.
func (c Comparer) byETag(pair Pair) Verdict {
	source, destination := pair.Source.ETag, pair.Destination.ETag
	if !c.SourceMD5 || !c.DestinationMD5 || source == "" || destination == "" {
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

// byJournal decides where the last transfer is on record: nothing changed when
// both ETags are those of then, something did when one is another.
func byJournal(pair Pair) Verdict {
	record := pair.Record
	if record == nil || record.Outcome != journal.OutcomeDone || record.SourceETag == "" || record.DestinationETag == "" {
		return Unclear
	}
	if record.SourceETag == pair.Source.ETag && record.DestinationETag == pair.Destination.ETag {
		return Same
	}
	return Different
}

// byTime takes a destination that is not older than the source for its copy.
func byTime(pair Pair) Verdict {
	if pair.Destination.Modified.Before(pair.Source.Modified) {
		return Different
	}
	return Same
}
