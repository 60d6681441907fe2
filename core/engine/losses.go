package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// A single object that cannot be looked at is told and passed over. A side that is down, or
// allows nothing, would be told once for each object: it ends the work.
const (
	downAfter  = 20   // objects in a row that a side did not answer for
	lostAfter  = 1000 // objects that it refused while it showed none
	lostInFull = 20   // the same at the end of the work
)

// losses counts the objects that could not be looked at. It may be used by many
// goroutines at once.
type losses struct {
	mu                  sync.Mutex
	source, destination loss
}

type loss struct {
	seen       bool // an object, ever
	down, lost int  // unanswered in a row, refused in all
	last       error
}

// note takes what came of a look at an object, and returns an error where it says more than
// that this object cannot be looked at.
func (l *losses) note(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !single(err):
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.source, l.destination = loss{seen: true}, loss{seen: true}
		return nil
	}
	side := &l.source
	var located *transfer.Error
	if errors.As(err, &located) && located.Side == transfer.Destination {
		side = &l.destination
	}
	side.last = err
	switch driver.KindOf(err) {
	case driver.KindNotFound, driver.KindFrozen:
		side.seen, side.down = true, 0
	case driver.KindUnavailable, driver.KindThrottled:
		side.down++
		side.lost++
	default:
		side.down = 0
		side.lost++
	}
	if side.down >= downAfter || !side.seen && side.lost >= lostAfter {
		return fmt.Errorf("%d objects could not be looked at, one after the other: %w", max(side.down, side.lost), err)
	}
	return nil
}

// single says whether a failure can be of one object.
func single(err error) bool {
	var located *transfer.Error
	var failure *driver.Error
	switch {
	case !errors.As(err, &located):
		return false // of dth itself
	case !errors.As(err, &failure):
		return true
	}
	return failure.Kind != driver.KindExpired && failure.Kind != driver.KindFatal && failure.Code != driver.CodeNoSuchBucket
}

// total returns why nothing at all could be seen of a side.
func (l *losses) total() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, side := range []*loss{&l.source, &l.destination} {
		if !side.seen && side.lost >= lostInFull {
			return fmt.Errorf("none of %d objects could be looked at: %w", side.lost, side.last)
		}
	}
	return nil
}
