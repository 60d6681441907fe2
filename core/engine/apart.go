package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// apart remembers that source and destination were proved to be two buckets. One bucket can
// have two names, such as those of two plugins or of two endpoints; then what only the
// destination "has" may be an object of the source.
type apart struct {
	mu     sync.Mutex // held while it is found out
	proved bool
	asked  string // the run whose first write was let through, proved or not
	found  canary // of a fleet's process, what an object of dth's own told last
	until  time.Time
}

// mayBeOne says whether deletions could strike the source if both buckets were one: both
// locations share keys, and their identities do not say what they are.
func (e *Engine) mayBeOne() bool {
	same := e.source.Session.Identity == e.destination.Session.Identity
	return !same && e.overlap() != nil
}

// overlap refuses both locations as those of one bucket.
func (e *Engine) overlap() error {
	if !e.single {
		return job.CheckOverlap("", "", e.from, e.to)
	}
	if e.from == e.to {
		return sameObject()
	}
	return nil
}

// mayMeet says whether writes could strike the source: one bucket that two endpoints or two
// plugins reach has one name, and buckets of two names cost no request. Host names, which
// hold the bucket's, do not tell letters' cases.
func (e *Engine) mayMeet() bool {
	return strings.EqualFold(e.job.Source.Bucket, e.job.Destination.Bucket) && e.mayBeOne()
}

// letWrite returns an error before the first write of a run where both buckets are found to
// be one: what is copied would replace objects of the source, and be copied again by each
// further run. What cannot be found out is told and goes on: most buckets of one name are
// those of two stores, and who may only write shall be able to. first are tasks that are
// about to be sent.
func (a *apart) letWrite(ctx context.Context, e *Engine, first []task.Task) error {
	if !e.mayMeet() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.proved || a.asked == e.copier.Run {
		return nil
	}
	a.asked = e.copier.Run
	if e.toldApart(ctx, first) {
		a.proved = true
		return nil
	}
	switch found := a.ask(ctx, e); {
	case ctx.Err() != nil:
		return ctx.Err()
	case found.unknown != nil:
		e.warn(e.undecided(found.unknown).Error())
	case !found.two:
		return e.refuseOne()
	default:
		a.proved = true
	}
	return nil
}

// letCopy is letWrite for a worker, which copies what finders and events ask for as long as
// it lives: it is asked before each copy. A store that is away tells nothing, and the
// object waits.
func (a *apart) letCopy(ctx context.Context, e *Engine, t task.Task) error {
	if !e.mayMeet() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	known := time.Now().Before(a.until)
	if a.proved || !known && e.toldApart(ctx, []task.Task{t}) {
		a.proved = true
		return nil
	}
	switch found := a.ask(ctx, e); {
	case ctx.Err() != nil:
		return ctx.Err()
	case driver.KindOf(found.unknown).Retriable():
		return e.undecided(found.unknown)
	case found.unknown != nil:
		if !known {
			e.warn(e.undecided(found.unknown).Error())
		}
	case !found.two:
		return e.refuseOne()
	default:
		a.proved = true
	}
	return nil
}

// undecided says that copies may strike the source.
func (e *Engine) undecided(unknown error) error {
	return fmt.Errorf("source %s and destination %s may be one bucket under two names, where copies would replace objects of the source: check that they are two. "+
		"That could not be found out with an object of dth's own: %w", e.source.Session.Identity, e.destination.Session.Identity, unknown)
}

// A process of a fleet goes for a while by what an object of dth's own told, so that not
// each event has one written. What a store that was away left open is found out sooner.
const (
	answerKept = 15 * time.Minute
	doubtKept  = time.Minute
)

// ask returns what an object of dth's own tells. The caller holds mu.
func (a *apart) ask(ctx context.Context, e *Engine) canary {
	if e.fleet != nil && time.Now().Before(a.until) {
		return a.found
	}
	found := e.sendCanary(ctx)
	if ctx.Err() != nil {
		return found
	}
	a.found, a.until = found, time.Now().Add(answerKept)
	if driver.KindOf(found.unknown).Retriable() {
		a.until = time.Now().Add(doubtKept)
	}
	return found
}

// toldApart says whether the first key of the tasks that both locations share proves that
// the buckets are two: the destination's is known to lack it, or has another object there.
func (e *Engine) toldApart(ctx context.Context, tasks []task.Task) bool {
	shared := func(t task.Task) bool { return strings.HasPrefix(e.from.Absolute(t.Key), e.inner()) }
	at := slices.IndexFunc(tasks, shared)
	if at < 0 {
		return false
	}
	t := tasks[at]
	key := e.from.Absolute(t.Key)
	before, err := e.source.Stat(ctx, t.Key)
	if err != nil {
		return false
	}
	held, err := e.destination.Stat(ctx, e.to.Relative(key))
	switch listed := false; {
	case transfer.IsAbsent(err):
		if !e.single { // a copy lists nothing
			listed, err = e.destination.Lists(ctx, key)
		}
		if listed || err != nil && !transfer.IsAbsent(err) {
			return false
		}
	case err != nil || !areTwo(before, held):
		return false
	}
	after, err := e.source.Stat(ctx, t.Key) // it may have been deleted or written meanwhile
	return err == nil && !areTwo(before, after)
}

// areTwo says that two looks showed different objects. ETags of one object differ between
// the interfaces of some stores, and times in how they are rounded.
func areTwo(a, b driver.Object) bool {
	return a.Size != b.Size || !a.Modified.IsZero() && !b.Modified.IsZero() && a.Modified.Sub(b.Modified).Abs() > 2*time.Second
}

// refuseOne refuses two names of one bucket as one name would be refused.
func (e *Engine) refuseOne() error {
	var refusal *job.Error
	if !errors.As(e.overlap(), &refusal) {
		return nil
	}
	told := *refusal
	told.What += fmt.Sprintf(": %s and %s are one bucket under two names, because an object of dth's own that was written to the destination was there at the source",
		e.source.Session.Identity, e.destination.Session.Identity)
	return &told
}

// inner is the prefix of the absolute keys that both locations would share.
func (e *Engine) inner() string {
	if len(e.from.List) > len(e.to.List) {
		return e.from.List
	}
	return e.to.List
}

// inBoth says whether a relative key of the destination would be in both locations.
func (e *Engine) inBoth(written string) bool {
	return strings.HasPrefix(e.to.Absolute(written), e.inner())
}

// prove returns nil once both buckets are known to be two. written is a key that the
// destination has: a source that does not have it is another bucket. What that does not
// tell, an object of dth's own does. Otherwise the error is a *GuardError.
func (a *apart) prove(ctx context.Context, e *Engine, written string) error {
	if !e.mayBeOne() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.proved {
		return nil
	}
	if !e.onlyAtDestination(ctx, written) {
		if err := a.proveByCanary(ctx, e); err != nil {
			return err
		}
	}
	a.proved = true
	return nil
}

// onlyAtDestination says whether the destination's bucket has a key that the source's
// bucket is known to lack.
func (e *Engine) onlyAtDestination(ctx context.Context, written string) bool {
	if written == "" || !e.inBoth(written) {
		return false
	}
	if gone, err := e.gone(ctx, e.from.Relative(e.to.Absolute(written))); err != nil || !gone {
		return false
	}
	_, err := e.destination.Stat(ctx, written) // it may have been deleted meanwhile
	return err == nil
}

// oneBucket says what is doubted.
func (e *Engine) oneBucket() string {
	return fmt.Sprintf("source %s and destination %s may be one bucket under two names, where deletions would strike the source",
		e.source.Session.Identity, e.destination.Session.Identity)
}

// canaryName is what the key of dth's own object begins with, after the prefix of both
// locations. A random text follows.
const canaryName = "dth-canary-"

// canaryPatience is how long its removal may take.
const canaryPatience = 20 * time.Second

// canary is what an object of dth's own told.
type canary struct {
	two     bool
	unknown error // why that is not known
	left    error // why the object could not be removed
}

// sendCanary writes a small object at the destination, looks for it at the source and
// removes it.
func (e *Engine) sendCanary(ctx context.Context) (found canary) {
	key := e.inner() + canaryName + rand.Text()
	found.unknown = e.destination.Write(ctx, e.to.Relative(key), []byte("dth looks whether two buckets are one. This object can be removed.\n"))
	written := driver.KindOf(found.unknown) != driver.KindDenied
	if found.unknown == nil {
		found.two, found.unknown = e.lacks(ctx, e.from.Relative(key))
	}
	if written { // or maybe so
		found.left = e.removeCanary(ctx, key)
	}
	return found
}

// lacks says whether the source does not have a key. A copy lists nothing.
func (e *Engine) lacks(ctx context.Context, key string) (bool, error) {
	if !e.single {
		return e.gone(ctx, key)
	}
	_, err := e.source.Stat(ctx, key)
	if transfer.IsAbsent(err) {
		return true, nil
	}
	return false, err
}

// proveByCanary returns a *GuardError unless an object of dth's own tells that both buckets
// are two. The caller holds mu.
func (a *apart) proveByCanary(ctx context.Context, e *Engine) error {
	refuse := func(format string, values ...any) error {
		return &GuardError{
			Reason: fmt.Sprintf("%s, and ", e.oneBucket()) + fmt.Sprintf(format, values...),
			Do:     "Choose prefixes that do not contain each other, or credentials that reach both buckets",
		}
	}
	found := a.ask(ctx, e)
	err := errors.Join(found.unknown, found.left)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return refuse("that could not be found out with an object of dth's own: %v", err)
	case !found.two:
		return refuse("an object of dth's own that was written to the destination was there at the source")
	}
	return nil
}

// removeCanary removes dth's own object, whatever else ends meanwhile.
func (e *Engine) removeCanary(ctx context.Context, key string) error {
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), canaryPatience)
	defer cancel()
	err := e.destination.Delete(removing, e.to.Relative(key))
	if err != nil {
		e.warn(fmt.Sprintf("destination: bucket %q: the object %q of dth's own could not be removed, remove it: %v", e.destination.Name, key, err))
	}
	return err
}
