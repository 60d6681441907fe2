package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// verifier compares pairs, those that need requests beside the merge.
type verifier struct {
	engine   *Engine
	comparer diff.Comparer
	read     bool
	group    *errgroup.Group

	mu     sync.Mutex
	result Verification
	report func(Difference)
}

// Verify compares both ends from listings and stored checksums; with read it
// streams every object from both ends and compares the bytes' checksums instead.
// It calls report for each difference, one at a time, in no fixed order.
func (e *Engine) Verify(ctx context.Context, read bool, report func(Difference)) (Verification, error) {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(unclearAtOnce)
	comparer := e.comparer()
	comparer.By, comparer.Strict = job.CompareAuto, true
	v := &verifier{engine: e, comparer: comparer, read: read, group: group, report: report}
	err := e.merge(groupContext, func(pair diff.Pair) error { return v.visit(groupContext, pair) })
	err = errors.Join(group.Wait(), err)
	return v.result, err
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
		pair = cloned(pair)
		v.group.Go(func() error { return v.readBoth(ctx, pair) })
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

func (v *verifier) compare(ctx context.Context, pair diff.Pair) {
	switch v.comparer.Compare(pair) {
	case diff.Same:
		v.count(checksum.Equal)
	case diff.Different:
		v.differ(Difference{pair.Key, "different", fmt.Sprintf("ETag %s at the source, %s at the destination, not those of the last transfer",
			pair.Source.ETag, pair.Destination.ETag)})
	case diff.Unclear:
		key := pair.Key
		v.group.Go(func() error {
			verdict, err := v.engine.statBoth(ctx, key)
			if err == nil {
				v.decide(key, verdict, "the stores keep different checksums")
			}
			return err
		})
	}
}

func (v *verifier) readBoth(ctx context.Context, pair diff.Pair) error {
	source, err := v.engine.source.Read(ctx, *pair.Source, driver.AlgorithmCRC64NVME)
	if err != nil {
		return err
	}
	destination, err := v.engine.destination.Read(ctx, *pair.Destination, driver.AlgorithmCRC64NVME)
	if err != nil {
		return err
	}
	v.decide(pair.Key, checksum.Compare([]driver.Checksum{source}, []driver.Checksum{destination}), "the bytes have different checksums")
	return nil
}

func (v *verifier) decide(key string, verdict checksum.Verdict, why string) {
	if verdict == checksum.Different {
		v.differ(Difference{key, "different", why})
		return
	}
	v.count(verdict)
}

func (v *verifier) count(verdict checksum.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.result.count(verdict)
}

func (v *verifier) differ(difference Difference) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch difference.Kind {
	case "missing":
		v.result.Missing++
	case "extra":
		v.result.Extra++
	default:
		v.result.count(checksum.Different)
	}
	v.report(difference)
}
