// Package throttle bounds what a process uses at one time.
package throttle

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// Budget is the memory that object bytes may take in this process. Whoever
// wants to hold bytes reserves them before it opens the source.
type Budget struct {
	total    int64
	reserved *semaphore.Weighted
}

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	return &Budget{total: bytes, reserved: semaphore.NewWeighted(bytes)}
}

// Reserve waits until so many bytes are free, in order of arrival, and returns
// the function that gives them back, to be called once.
func (b *Budget) Reserve(ctx context.Context, bytes int64) (release func(), err error) {
	if bytes > b.total {
		return nil, fmt.Errorf("%d bytes can never be reserved from a memory budget of %d", bytes, b.total)
	}
	if err := b.reserved.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	return func() { b.reserved.Release(bytes) }, nil
}
