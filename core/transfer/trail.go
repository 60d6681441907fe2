package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/sdk/driver"
)

// trail is what the requests of one task did to the destination. Whatever a task fails for in
// the end, one that may have written an object was attempted: it is no skipped one.
type trail struct {
	stored  atomic.Bool // the destination said once that it stored the object
	written atomic.Bool // or may have stored it
}

type trailKey struct{}

// withTrail returns a context whose requests leave a trail.
func withTrail(ctx context.Context) context.Context {
	return context.WithValue(ctx, trailKey{}, &trail{})
}

// trailOf returns the trail of a context; an empty one where its requests leave none.
func trailOf(ctx context.Context) *trail {
	if left, ok := ctx.Value(trailKey{}).(*trail); ok {
		return left
	}
	return &trail{}
}

// leaveTrail notes the answer to a request that makes an object of the user's.
func leaveTrail(ctx context.Context, err error) {
	if err != nil && isRefusal(err) {
		return
	}
	left := trailOf(ctx)
	left.written.Store(true)
	if err == nil {
		left.stored.Store(true)
	}
}

// isRefusal says whether a failed request certainly changed nothing: the store did not take it.
func isRefusal(err error) bool {
	switch driver.KindOf(err) {
	case driver.KindDenied, driver.KindThrottled, driver.KindPreconditionFailed,
		driver.KindInvalidArgument, driver.KindUnsupported, driver.KindFrozen, driver.KindExpired:
		return true
	}
	return false
}

// writtenError is the failure of a task that may have written an object.
type writtenError struct{ error }

func (e writtenError) Unwrap() error { return e.error }

// mayHaveWritten says whether the failure is of a task that may have written an object.
func mayHaveWritten(err error) bool {
	var written writtenError
	return errors.As(err, &written)
}

// lookUp looks an unusual absolute key up in a listing where the store's key rules are
// not known: a second net below CheckKey, for what no probe foresees.
func (c *Copier) lookUp(ctx context.Context, written string) error {
	if !c.Destination.Session.KeyRules.LookUp || !unusual(written) {
		return nil
	}
	if listed, err := c.Destination.Lists(ctx, written); err != nil || listed {
		return err
	}
	where := "it was stored under another name, over what was there, or not at all"
	if others := c.takenFor(ctx, written); len(others) > 0 {
		c.probes.refute(written) // else it may have been deleted meanwhile
		where = "the store took the key for another one, and may have overwritten what it has under " + strings.Join(others, " or ")
	}
	// No --unmappable says what to do: the object would be written again.
	unfit := &fit.Error{
		What: "this key: it accepted the object and does not list it: " + where,
		Do:   "rename it at the source, and check what the destination has there",
	}
	return c.Destination.failed(0, &driver.Error{
		Op: "Put", Bucket: c.Destination.Name, Key: written, Kind: driver.KindUnsupported, Message: unfit.Error(), Err: unfit,
	})
}

// takenFor returns the keys, quoted, that the store may have taken an absolute key for: those of
// its neighbours that are there, or of which that cannot be found out.
func (c *Copier) takenFor(ctx context.Context, written string) []string {
	var others []string
	consider := func(other string) {
		quoted := fmt.Sprintf("%q", other)
		if other == written || slices.Contains(others, quoted) {
			return
		}
		if listed, err := c.Destination.Lists(ctx, other); listed || err != nil {
			others = append(others, quoted)
		}
	}
	all := written
	for _, kind := range unusualnesses(written, 0) {
		consider(kind.fold(written))
		all = kind.fold(all)
	}
	consider(all)
	return others
}
