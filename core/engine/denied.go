package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"
	"time"

	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Credentials that lack a right cost a request for each object. But what is denied for one
// object may be allowed for another: rights can name keys, tags, owners and encryption
// keys. So a run that was denied a few objects of a side, and allowed none, tries others
// before it stops.
const (
	// doubtedAt is how many objects of a side are denied, while none is allowed, when others
	// are tried; deniedLimit is how many a run must be denied to end as one that may nothing.
	doubtedAt, deniedLimit = 10, 20
	// lookAhead is how many tasks are then looked through, lookAheadTime how long they are
	// waited for.
	lookAhead     = 10_000
	lookAheadTime = 30 * time.Second
	// One in sampleShare of them is tried, at least sampleLeast, and one of each folder as
	// long as that makes no more than sampleFolders.
	sampleShare, sampleLeast, sampleFolders = 25, 10, 100
)

// rights counts what both stores deny and allow.
type rights struct {
	mu                  sync.Mutex
	source, destination right
}

// right is what one side allows: to read there, to write here.
type right struct {
	allowed       bool // of any object, ever
	tried, denied int  // objects, since the last look ahead
	refusal       error
}

// note takes what came of an object.
func (r *rights) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.source.allowed, r.destination.allowed = true, true
		return
	}
	var located *transfer.Error
	var failure *driver.Error
	if !errors.As(err, &located) || !errors.As(err, &failure) {
		return
	}
	side := &r.source
	if located.Side == transfer.Destination {
		side = &r.destination
		r.source.allowed = r.source.allowed || failure.Op == "PUT" // of what a GET answered
	}
	side.tried++
	if failure.Kind == driver.KindDenied {
		side.denied++
		side.refusal = err
	}
}

// doubt returns the refusal of a side that has allowed nothing yet and denied at least as
// many objects as limit; nil where both sides work.
func (r *rights) doubt(limit int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, side := range []*right{&r.source, &r.destination} {
		if !side.allowed && side.denied >= limit {
			return side.refusal
		}
	}
	return nil
}

// forget begins to count anew.
func (r *rights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source.tried, r.source.denied, r.destination.tried, r.destination.denied = 0, 0, 0, 0
}

// refused returns the refusal of a side that has denied everything since forget.
func (r *rights) refused() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, side := range []*right{&r.source, &r.destination} {
		if !side.allowed && side.tried > 0 && side.tried == side.denied {
			return side.refusal
		}
	}
	return nil
}

// lookFurther tries a sample of the items and of what else waits, and returns those that
// are left. It fails where all of the sample is denied, too, and more is left.
func (w *workers) lookFurther(ctx context.Context, items []item) ([]item, error) {
	waiting, cancel := context.WithTimeout(ctx, lookAheadTime)
	defer cancel()
	for len(items) < lookAhead {
		more, err := w.unpack(waiting)
		if errors.Is(err, io.EOF) || err != nil && waiting.Err() != nil && ctx.Err() == nil {
			break
		}
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	sample, rest := sampled(items)
	if len(rest) > 0 {
		w.rights.forget()
	}
	var tried sync.WaitGroup
	for _, next := range sample {
		next.tried = &tried
		tried.Add(1)
		if err := w.hand(ctx, next); err != nil {
			return nil, err
		}
	}
	tried.Wait()
	if err := w.rights.refused(); err != nil && len(rest) > 0 {
		return nil, allDenied(err)
	}
	return rest, nil
}

func allDenied(err error) error {
	return fmt.Errorf("the objects that were tried were all denied, %d at least: %w", deniedLimit, err)
}

// sampled parts items into a sample, spread over all of them from the first to the last
// and over their folders, and the rest.
func sampled(items []item) (sample, rest []item) {
	n := min(max(len(items)/sampleShare, sampleLeast), len(items))
	chosen := make([]bool, len(items))
	folders := map[string]bool{}
	for i := range n {
		at := 0
		if n > 1 {
			at = i * (len(items) - 1) / (n - 1)
		}
		chosen[at] = true
		folders[path.Dir(items[at].task.Key)] = true
	}
	for i, next := range items {
		if folder := path.Dir(next.task.Key); !folders[folder] && len(folders) < sampleFolders {
			folders[folder], chosen[i] = true, true
		}
		if chosen[i] {
			sample = append(sample, next)
		} else {
			rest = append(rest, next)
		}
	}
	return sample, rest
}
