package engine

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/core/transfer"
)

// visitor is what a merge calls, one function at a time.
type visitor struct {
	pair func(diff.Pair) error        // for every key that either side has, in order
	lost func(diff.Pair, error) error // for an object of one side that could not be looked up at the other
	// rest is called about that often, also while a listing has no answer; nil for never.
	rest  func() error
	every time.Duration
}

// merge calls the visitor for every key that either side has.
func (e *Engine) merge(ctx context.Context, visit visitor) error {
	if e.fleet == nil || len(e.fleet.Prefixes) == 0 {
		return e.mergeBelow(ctx, "", visit)
	}
	for _, prefix := range e.fleet.Prefixes {
		if err := e.mergeBelow(ctx, prefix, visit); err != nil {
			return err
		}
	}
	return nil
}

// mergeBelow does it for the keys that begin with a prefix.
func (e *Engine) mergeBelow(ctx context.Context, prefix string, visit visitor) error {
	source := open(ctx, e.source, e.from.List+prefix, &e.counters.ListedSource)
	defer source.Close()
	destination := e.openDestination(ctx, prefix)
	defer destination.Close()
	merger := diff.NewMerger(source, destination, len(e.from.Strip), len(e.to.Strip), e.records(ctx))
	defer merger.Close()
	each, flush := e.rejoin(ctx, visit)
	turn, end := visit.turn(ctx)
	defer func() { end() }()
	for {
		pair, err := merger.Next(turn)
		over := turn.Err() != nil && ctx.Err() == nil
		switch {
		case errors.Is(err, io.EOF):
			return flush()
		case err == nil:
			err = each(pair)
		case over:
			err = nil // the listing goes on, and so does the merger
		}
		if err == nil && over {
			if err = flush(); err == nil {
				err = visit.rest()
			}
			end()
			turn, end = visit.turn(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// turn returns a context that ends when it is time to rest.
func (v visitor) turn(ctx context.Context) (context.Context, context.CancelFunc) {
	if v.rest == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, v.every)
}

// openDestination begins the destination's listing, an empty one where nothing is compared.
func (e *Engine) openDestination(ctx context.Context, prefix string) *list.Stream {
	if e.fleet != nil && e.fleet.SkipCompare {
		return list.Empty()
	}
	return open(ctx, e.destination, e.to.List+prefix, &e.counters.ListedDestination)
}

// open begins the listing of a side, which is sorted first where the store does not.
func open(ctx context.Context, side *transfer.Side, prefix string, counter *atomic.Int64) *list.Stream {
	if side.Session.Limits.ListOrdered {
		return list.Open(ctx, side, prefix, counter)
	}
	return list.OpenUnordered(ctx, side, prefix, "", counter)
}

func (e *Engine) records(ctx context.Context) iter.Seq2[journal.Record, error] {
	if e.journal == nil || e.fleet != nil {
		return func(func(journal.Record, error) bool) {}
	}
	return e.expected(ctx, e.journal.Scan(ctx))
}
