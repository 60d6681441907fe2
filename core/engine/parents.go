package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/task"
)

// parents finds keys below other keys, "a/b" below "a", for a destination that is a
// tree of folders and holds only one of them, some without a word. Keys must be
// given in order. It remembers only those that the last key starts with: whatever
// stands between "a" and "a/b" starts with "a".
type parents struct {
	matter bool // to the destination
	open   []string
}

func (e *Engine) parents() parents {
	return parents{matter: e.destination.Session.KeyRules.NoParentConflict}
}

// of returns the key, of either side, that keeps the pair's source object from being
// held; "" when none does or the destination holds it already.
func (p *parents) of(pair diff.Pair) string {
	if !p.matter {
		return ""
	}
	parent := p.above(pair.Key)
	if pair.Source == nil || pair.Destination != nil {
		return ""
	}
	return parent
}

// above returns the key that this one is below, and remembers this one.
func (p *parents) above(key string) string {
	for n := len(p.open); n > 0 && !strings.HasPrefix(key, p.open[n-1]); n-- {
		p.open = p.open[:n-1]
	}
	found := p.over(key)
	p.open = append(p.open, key)
	return found
}

// over returns the open key that this one is below.
func (p *parents) over(key string) string {
	for _, parent := range p.open {
		if isBelow(key, parent) {
			return parent
		}
	}
	return ""
}

// forget takes a key that the destination will not have from those that others are below.
func (p *parents) forget(key string) {
	p.open = slices.DeleteFunc(p.open, func(open string) bool { return open == key })
}

// isBelow says whether a tree has a key below another one that it begins with. The marker
// of a folder is not.
func isBelow(key, parent string) bool { return len(key) > len(parent)+1 && key[len(parent)] == '/' }

// refuse records an object that the destination cannot hold below its parent.
func (f *finder) refuse(ctx context.Context, t task.Task, parent string) error {
	return f.refuseUnfit(ctx, t, f.engine.copier.Fit.Parent(f.engine.to.Absolute(parent)))
}
