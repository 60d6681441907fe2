package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// Difference is one key that the two sides do not have in common, or that could not be
// compared.
type Difference struct {
	Key  string `json:"key"`
	Kind string `json:"kind"` // missing, extra, different, unreadable
	Why  string `json:"why"`
}

// Verification is what a comparison of both ends found.
type Verification struct {
	Compared   int64 `json:"compared"`    // keys that both ends have, without the unreadable
	ByChecksum int64 `json:"by_checksum"` // of them, equal now by checksum or ETag
	ByJournal  int64 `json:"by_journal"`  // of them, unchanged at both ends since dth proved them equal
	BySize     int64 `json:"by_size"`     // of them, equal in size, nothing better to compare
	Missing    int64 `json:"missing"`
	Extra      int64 `json:"extra"`
	Different  int64 `json:"different"`
	Unreadable int64 `json:"unreadable"` // keys that could not be compared
	// Warnings are about the comparison as a whole.
	Warnings []string `json:"warnings,omitempty"`
}

// Differences returns how many keys differ or could not be compared.
func (v Verification) Differences() int64 { return v.Missing + v.Extra + v.Different + v.Unreadable }

// verifier compares pairs, those that need requests beside the merge.
type verifier struct {
	engine   *Engine
	comparer diff.Comparer
	read     bool
	group    *errgroup.Group
	losses   losses

	mu     sync.Mutex
	result Verification
	report func(Difference)
}

// Verify compares both ends from listings and stored checksums; with read it
// streams every object from both ends and compares the bytes' checksums instead.
// It calls report for each difference, one at a time, in no fixed order. A single object
// that cannot be read is a difference; an error says that the comparison is not complete.
func (e *Engine) Verify(ctx context.Context, read bool, report func(Difference)) (Verification, error) {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(unclearAtOnce)
	comparer := e.comparer()
	comparer.By, comparer.Strict, comparer.Whole = job.CompareAuto, true, false // of bytes
	v := &verifier{engine: e, comparer: comparer, read: read, group: group, report: report}
	err := e.merge(groupContext, visitor{
		pair: func(pair diff.Pair) error { return v.visit(groupContext, pair) },
		lost: func(pair diff.Pair, err error) error { v.differ(unreadable(pair.Key, err)); return nil },
	})
	err = errors.Join(group.Wait(), err)
	if err == nil {
		err = v.losses.total()
	}
	if err == nil && e.counters.ListedSource.Load() == 0 {
		v.result.Warnings = append(v.result.Warnings, e.emptySource()+": check the location")
	}
	return v.result, err
}

func unreadable(key string, err error) Difference {
	return Difference{key, "unreadable", err.Error()}
}

func (v *verifier) visit(ctx context.Context, pair diff.Pair) error {
	switch {
	case pair.Destination == nil:
		v.differ(Difference{pair.Key, "missing", v.missing(pair.Key)})
	case pair.Source == nil:
		v.differ(Difference{pair.Key, "extra", "only the destination has it"})
	case pair.Source.Size != pair.Destination.Size:
		v.differ(Difference{pair.Key, "different", fmt.Sprintf("%d bytes at the source, %d at the destination", pair.Source.Size, pair.Destination.Size)})
	case v.read:
		v.ask(ctx, pair, v.readBoth, "the bytes have different checksums", func() { v.count(&v.result.BySize) })
	default:
		v.compare(ctx, pair)
	}
	return nil
}

// missing says why the destination does not have a key of the source, where that is known.
func (v *verifier) missing(key string) string {
	const plain = "only the source has it"
	if _, err := v.engine.copier.Fit.Key(key); err != nil {
		return plain + ": " + err.Error()
	}
	return plain
}

// compare compares a pair by what both stores say now. Only where that is nothing the
// journal's word counts, as such.
func (v *verifier) compare(ctx context.Context, pair diff.Pair) {
	listed := pair
	listed.Record = nil
	now, recorded := v.comparer.Compare(listed), v.comparer.Compare(pair)
	silent := func() { v.count(&v.result.BySize) }
	switch {
	case pair.Record != nil && pair.Record.IsDoubted() && recorded != diff.Same:
		doubted := Difference{pair.Key, "different", "its last copy is not known to have succeeded, and the stores state nothing that can be compared"}
		silent = func() { v.differ(doubted) }
	case recorded == diff.Same && pair.Record != nil && pair.Record.LastProof().Grade != journal.GradeSize:
		silent = func() { v.count(&v.result.ByJournal) }
	case recorded == diff.Different:
		different := Difference{pair.Key, "different", etags(pair) + ", not those of the last transfer"}
		silent = func() { v.differ(different) }
	}
	switch {
	case now == diff.Same:
		v.count(&v.result.ByChecksum)
	case recorded == diff.Same && !v.comparable():
		silent()
	case recorded != diff.Same && now == diff.Different:
		v.differ(Difference{pair.Key, "different", etags(pair)})
	default:
		v.ask(ctx, pair, v.statBoth, "the stores keep different checksums", silent)
	}
}

func etags(pair diff.Pair) string {
	return fmt.Sprintf("ETag %s at the source, %s at the destination", pair.Source.ETag, pair.Destination.ETag)
}

// comparable says whether both stores keep checksums of one kind.
func (v *verifier) comparable() bool {
	there := v.engine.destination.Session.Checksums.Stored
	return slices.ContainsFunc(v.engine.source.Session.Checksums.Stored, func(a driver.Algorithm) bool { return slices.Contains(there, a) })
}

// ask compares a pair by requests to both stores, aside of the merge. why tells a
// difference; silent is called where the stores say nothing that can be compared.
func (v *verifier) ask(ctx context.Context, pair diff.Pair, compare comparison, why string, silent func()) {
	pair = cloned(pair)
	v.group.Go(func() error {
		verdict, err := compare(ctx, pair)
		if fatal := v.losses.note(ctx, err); fatal != nil {
			return fatal
		}
		switch {
		case err != nil:
			v.differ(unreadable(pair.Key, err))
		case verdict == checksum.Different:
			v.differ(Difference{pair.Key, "different", why})
		case verdict == checksum.Equal:
			v.count(&v.result.ByChecksum)
		default:
			silent()
		}
		return nil
	})
}

// comparison compares a pair by requests.
type comparison func(ctx context.Context, pair diff.Pair) (checksum.Verdict, error)

// statBoth compares the checksums that both stores keep.
func (v *verifier) statBoth(ctx context.Context, pair diff.Pair) (checksum.Verdict, error) {
	source, destination, err := v.engine.lookAtBoth(ctx, pair.Key)
	if err != nil {
		return checksum.Unknown, err
	}
	if source.Size != destination.Size {
		return checksum.Different, nil
	}
	return checksum.Compare(source.Checksums, destination.Checksums), nil
}

// readBoth compares the checksums of the bytes that both stores give.
func (v *verifier) readBoth(ctx context.Context, pair diff.Pair) (checksum.Verdict, error) {
	source, err := v.engine.source.Read(ctx, *pair.Source, driver.AlgorithmCRC64NVME)
	if err != nil {
		return checksum.Unknown, err
	}
	destination, err := v.engine.destination.Read(ctx, *pair.Destination, driver.AlgorithmCRC64NVME)
	if err != nil {
		return checksum.Unknown, err
	}
	return checksum.Compare([]driver.Checksum{source}, []driver.Checksum{destination}), nil
}

// count counts a pair that was found equal.
func (v *verifier) count(way *int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.result.Compared++
	*way++
}

func (v *verifier) differ(difference Difference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch difference.Kind {
	case "missing":
		v.result.Missing++
	case "extra":
		v.result.Extra++
	case "unreadable":
		v.result.Unreadable++
	default:
		v.result.Compared++
		v.result.Different++
	}
	v.report(difference)
}
