package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// apart remembers that source and destination were proved to be two buckets. One bucket can
// have two names, such as those of two plugins or of two endpoints; then what only the
// destination "has" may be an object of the source.
type apart struct {
	mu     sync.Mutex // held while it is found out
	proved bool
}

// mayBeOne says whether deletions could strike the source if both buckets were one: both
// locations share keys, and their identities do not say what they are.
func (e *Engine) mayBeOne() bool {
	same := e.source.Session.Identity == e.destination.Session.Identity
	return !same && job.CheckOverlap("", "", e.from, e.to) != nil
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
		if err := e.sendCanary(ctx); err != nil {
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

// sendCanary writes a small object at the destination, looks for it at the source and
// removes it. It returns a *GuardError unless the source does not have it.
func (e *Engine) sendCanary(ctx context.Context) error {
	key := e.inner() + canaryName + rand.Text()
	refuse := func(format string, values ...any) error {
		return &GuardError{
			Reason: fmt.Sprintf("%s, and ", e.oneBucket()) + fmt.Sprintf(format, values...),
			Do:     "Choose prefixes that do not contain each other, or credentials that reach both buckets",
		}
	}
	err := e.destination.Write(ctx, e.to.Relative(key), []byte("dth looks whether two buckets are one. This object can be removed.\n"))
	written, two := driver.KindOf(err) != driver.KindDenied, false
	if err == nil {
		two, err = e.gone(ctx, e.from.Relative(key))
	}
	if written { // or maybe so
		err = errors.Join(err, e.removeCanary(ctx, key))
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return refuse("that could not be found out with an object of dth's own: %v", err)
	case !two:
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
