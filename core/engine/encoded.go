package engine

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/transfer"
)

// heldAtOnce is how many pairs wait for those among them with encoded keys.
const heldAtOnce = 64

// rejoiner sets right the pairs of a merge where keys are encoded: such an object
// stands at another place of the destination's order than at the source's. A source
// object with another key there is joined with what the destination holds under
// that; a destination object with an encoded key is left to its source object, or is
// extra when there is none. Both are looked up, many at once. Pairs keep their order.
type rejoiner struct {
	engine *Engine
	visit  visitor
	held   []half
	losses losses
}

// half is a pair that waits, complete unless it must be looked up.
type half struct {
	pair     diff.Pair
	lookUp   bool
	needless bool  // the other half decides
	err      error // why the other half is not known
}

// rejoin returns what to call for each pair of a merge, and what to call from time to time
// and at its end.
func (e *Engine) rejoin(ctx context.Context, visit visitor) (each func(diff.Pair) error, flush func() error) {
	if !e.copier.Fit.Encodes() {
		return visit.pair, func() error { return nil }
	}
	r := &rejoiner{engine: e, visit: visit}
	return func(pair diff.Pair) error { return r.each(ctx, pair) }, func() error { return r.flush(ctx) }
}

// each passes a pair on, or holds it back with all that follow.
func (r *rejoiner) each(ctx context.Context, pair diff.Pair) error {
	elsewhere := pair.Source != nil && r.engine.written(pair.Key) != pair.Key
	encoded := pair.Destination != nil && r.engine.copier.Fit.Original(pair.Key) != pair.Key
	if !elsewhere && !encoded && len(r.held) == 0 {
		return r.visit.pair(pair)
	}
	// The halves that do not belong together are pairs of their own.
	if elsewhere {
		r.hold(diff.Pair{Key: pair.Key, Source: pair.Source, Record: pair.Record}, true)
		pair.Source = nil
	}
	if encoded {
		r.hold(diff.Pair{Key: pair.Key, Destination: pair.Destination}, true)
		pair.Destination = nil
	}
	if pair.Source != nil || pair.Destination != nil {
		r.hold(pair, false)
	}
	if len(r.held) >= heldAtOnce {
		return r.flush(ctx)
	}
	return nil
}

func (r *rejoiner) hold(pair diff.Pair, lookUp bool) {
	r.held = append(r.held, half{pair: cloned(pair), lookUp: lookUp})
}

// flush looks up what must be, and visits the pairs.
func (r *rejoiner) flush(ctx context.Context) error {
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(unclearAtOnce)
	for i := range r.held {
		if held := &r.held[i]; held.lookUp {
			group.Go(func() error {
				held.err = r.complete(groupContext, held)
				return r.losses.note(groupContext, held.err)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, held := range r.held {
		err := error(nil)
		switch {
		case held.err != nil:
			err = r.visit.lost(held.pair, held.err)
		case !held.needless:
			err = r.visit.pair(held.pair)
		}
		if err != nil {
			return err
		}
	}
	r.held = r.held[:0]
	return nil
}

// complete looks up the other half of a pair.
func (r *rejoiner) complete(ctx context.Context, held *half) error {
	if held.pair.Source == nil {
		var err error
		held.needless, err = r.belongs(ctx, held.pair.Key)
		return err
	}
	object, err := r.engine.destination.Stat(ctx, r.engine.written(held.pair.Key))
	switch {
	case transfer.IsAbsent(err):
		return nil
	case err != nil:
		return err
	}
	held.pair.Destination = &object
	return nil
}

// belongs says whether an object of the destination with an encoded key is the copy of an
// object that the source still has, or of one that is not in this job.
func (r *rejoiner) belongs(ctx context.Context, written string) (bool, error) {
	original := r.engine.copier.Fit.Original(written)
	if !strings.HasPrefix(r.engine.from.Absolute(original), r.engine.from.List) {
		return true, nil
	}
	_, err := r.engine.source.Stat(ctx, original)
	if transfer.IsAbsent(err) {
		return false, nil
	}
	if err != nil {
		if listed, failure := r.engine.atSource(ctx, original); failure == nil && listed {
			return true, nil // its own half tells what is wrong with it
		}
	}
	return true, err
}

// written returns the relative key at the destination of a source object; the key itself
// where the destination cannot hold it, which the copy tells.
func (e *Engine) written(key string) string {
	written, err := e.copier.Fit.Key(key)
	if err != nil {
		return key
	}
	return written
}
