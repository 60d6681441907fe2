package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// tree keeps a destination that is a tree of folders, or may be one, from losing an object
// to another one that is written above or below it. What is new waits until the listings
// are past the keys below it. Whether a store of unknown rules is a tree is found out when
// the first such pair is seen.
type tree struct {
	parents
	known   bool  // it is one
	failure error // why that could not be found out
	waiting []waiting
	turns   int // of the merge
}

// waiting is a new object; its key begins with that of the one that waits before it.
type waiting struct {
	task   task.Task
	frozen bool
	turn   int
}

// tree returns what watches over the pairs of a run.
func (e *Engine) tree() tree {
	rules := e.destination.Session.KeyRules
	return tree{parents: parents{matter: rules.NoParentConflict || rules.LookUp}, known: rules.NoParentConflict}
}

// isTree says whether the destination is a tree, or may be one because that cannot be found
// out. An error ends the run.
func (f *finder) isTree(ctx context.Context) (bool, error) {
	t := &f.tree
	if t.known || t.failure != nil {
		return true, nil //nolint:nilerr // each object fails with it
	}
	problem, err := f.engine.copier.KeepsBelow(ctx, f.engine.to.Strip)
	if err != nil && (ctx.Err() != nil || !single(err)) {
		return false, err
	}
	t.failure, t.known, t.matter = err, problem != "", err != nil || problem != ""
	return t.matter, nil //nolint:nilerr // each object fails with it
}

// place has copied what nothing below can follow any more, and refuses what the destination
// cannot hold. It says whether it refused this pair's object.
func (f *finder) place(ctx context.Context, pair diff.Pair) (refused bool, err error) {
	if !f.tree.matter {
		return false, nil
	}
	if err := f.release(ctx, func(key string) bool { return strings.HasPrefix(pair.Key, key) }); err != nil {
		return false, err
	}
	parent := f.tree.of(pair)
	if parent == "" && (pair.Destination == nil || len(f.tree.waiting) == 0) { // as almost always
		return false, nil
	}
	below := ""
	if pair.Destination != nil {
		below = f.engine.to.Absolute(f.engine.written(pair.Key))
	}
	err = f.settle(ctx, below, func(w waiting) bool { return isBelow(pair.Key, w.task.Key) })
	if err != nil || pair.Source == nil || pair.Destination != nil {
		return false, err
	}
	if parent = f.tree.over(pair.Key); parent == "" {
		return false, nil
	}
	if tree, err := f.isTree(ctx); err != nil || !tree {
		return false, err
	}
	return true, f.refuse(ctx, f.task(pair), parent)
}

// await has a new object copied when nothing below it can follow any more.
func (f *finder) await(ctx context.Context, pair diff.Pair) error {
	if !f.tree.matter {
		return f.want(ctx, pair)
	}
	f.tree.waiting = append(f.tree.waiting, waiting{f.task(pair), pair.Source.Frozen, f.tree.turns})
	return nil
}

// release has copied what waits, from the end, as far as it need not be kept.
func (f *finder) release(ctx context.Context, keep func(key string) bool) error {
	for n := len(f.tree.waiting); n > 0 && !keep(f.tree.waiting[n-1].task.Key); n-- {
		next := f.tree.waiting[n-1]
		f.tree.waiting = f.tree.waiting[:n-1]
		if err := f.send(ctx, next.task, next.frozen); err != nil {
			return err
		}
	}
	return nil
}

// releaseAll has copied all that waits.
func (f *finder) releaseAll(ctx context.Context) error {
	return f.release(ctx, func(string) bool { return false })
}

// releaseOld has copied what waited for a whole turn of the merge.
func (f *finder) releaseOld(ctx context.Context) error {
	f.tree.turns++
	return f.settle(ctx, "", func(w waiting) bool { return w.turn < f.tree.turns-1 })
}

// settle decides about those that wait and are chosen. below is an absolute key that the
// destination has below them; where it is empty the destination is asked for one.
func (f *finder) settle(ctx context.Context, below string, choose func(waiting) bool) error {
	all := f.tree.waiting
	f.tree.waiting = all[:0]
	for i, next := range all {
		if !choose(next) {
			f.tree.waiting = append(f.tree.waiting, next)
			continue
		}
		if err := f.settleOne(ctx, next, below); err != nil {
			f.tree.waiting = append(f.tree.waiting, all[i+1:]...)
			return err
		}
	}
	if !f.tree.matter {
		return f.releaseAll(ctx)
	}
	return nil
}

func (f *finder) settleOne(ctx context.Context, next waiting, below string) (err error) {
	to := f.engine.to
	if below == "" {
		below, err = f.engine.below(ctx, to.Absolute(f.engine.written(next.task.Key)))
	}
	if err != nil && (ctx.Err() != nil || !single(err)) {
		return err
	}
	if err != nil {
		return f.pass(ctx, next.task, f.unlooked(next.task, err))
	}
	if below == "" {
		return f.send(ctx, next.task, next.frozen)
	}
	switch tree, err := f.isTree(ctx); {
	case err != nil:
		return err
	case !tree:
		return f.send(ctx, next.task, next.frozen)
	}
	f.tree.forget(next.task.Key)
	return f.refuseOver(ctx, next.task, below)
}

// refuseOver records an object that the destination cannot hold above another one.
func (f *finder) refuseOver(ctx context.Context, t task.Task, below string) error {
	return f.refuseUnfit(ctx, t, f.engine.copier.Fit.Unkept(fmt.Sprintf("it holds no object above the key %q", below)))
}

// refuseUnfit records an object with the rule that it breaks, or with what kept dth from
// finding out whether there is that rule.
func (f *finder) refuseUnfit(ctx context.Context, t task.Task, refusal error) error {
	if failure := f.tree.failure; failure != nil {
		return f.pass(ctx, t, f.unlooked(t, failure))
	}
	return f.pass(ctx, t, f.engine.unfit(f.engine.to.Absolute(f.engine.written(t.Key)), refusal))
}

// unlooked is the failure of an object of which it was not found out whether the destination
// can hold it. The finder alone looks: workers that took it again would not.
func (f *finder) unlooked(t task.Task, err error) error {
	why := fmt.Sprintf("whether it keeps an object above or below another one could not be found out: %v", err)
	return f.engine.unfit(f.engine.to.Absolute(f.engine.written(t.Key)), f.engine.copier.Fit.Unkept(why))
}

// unfit is the error of an absolute key that breaks a rule of the destination.
func (e *Engine) unfit(key string, refusal error) error {
	return &transfer.Error{Side: e.destination.Role, Bucket: e.destination.Name, Err: &driver.Error{
		Op: "Put", Key: key, Kind: driver.KindUnsupported, Message: refusal.Error(), Err: refusal,
	}}
}

// below returns the absolute key of an object that the destination has below another key.
// Who may not list is not kept from writing.
func (e *Engine) below(ctx context.Context, key string) (string, error) {
	found, err := e.destination.FindBelow(ctx, key)
	if transfer.IsHidden(err) {
		return "", nil
	}
	return found, err
}

// refusedByFolders returns why the destination cannot hold what is to be written below the
// location's folders, nil where it can: where it is a tree, an object under the key of such
// a folder would be lost, also to what dth writes to find out about other keys.
func (e *Engine) refusedByFolders(ctx context.Context) error {
	rules, key := e.destination.Session.KeyRules, e.to.Strip
	if !rules.NoParentConflict && !rules.LookUp {
		return nil
	}
	for i := 1; i < len(key); i++ {
		if key[i] != '/' {
			continue
		}
		there, err := e.destination.Lists(ctx, key[:i])
		if transfer.IsHidden(err) {
			return nil
		}
		if err == nil && there {
			return e.refusedBelow(ctx, key[:i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refusedBelow returns why the destination holds nothing below its object with an absolute
// key, nil where it does. It is tried beside that object.
func (e *Engine) refusedBelow(ctx context.Context, parent string) error {
	if !e.destination.Session.KeyRules.NoParentConflict {
		if problem, err := e.keepsBelow(ctx, parent); problem == "" || err != nil {
			return err
		}
	}
	return e.unfit(e.to.Strip, e.copier.Fit.Parent(parent))
}

// keepsBelow is Copier.KeepsBelow for who may not write beside the location.
func (e *Engine) keepsBelow(ctx context.Context, beside string) (problem string, err error) {
	problem, err = e.copier.KeepsBelow(ctx, beside)
	if transfer.IsHidden(err) {
		e.warn(fmt.Sprintf("destination: bucket %q has the object %q, and whether the store keeps it beside what is written below or above it cannot be found out: check that it is still there: %v",
			e.destination.Name, beside, err))
		return "", nil
	}
	return problem, err
}
