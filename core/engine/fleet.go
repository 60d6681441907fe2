package engine

import (
	"context"
	"time"

	"github.com/dth-dev/dth/core/event"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/ledger"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
)

// Fleet is what the machines of a fleet share, and what this one is among them.
type Fleet struct {
	Queue   queue.Shared
	Journal journal.Shared
	Ledger  ledger.Store
	Giants  *Giants // nil where no object is copied by many workers

	// Prefixes are what the finder lists, relative to the source's location, ascending
	// and none within another; none for everything.
	Prefixes []string
	// SkipCompare has the finder send every source object, whatever the destination holds.
	SkipCompare bool
	// Wake is called before the finder sends its first batch: it starts workers. May be nil.
	Wake func(ctx context.Context) error

	// Process is told what this worker holds. May be nil.
	Process *observe.Process

	Worker string // name of this process, unlike that of any other
	// Events says how notifications of the source store are followed; 0 for not at all.
	Events event.Mode
	// MaxDelete is how many objects may be deleted by events in an hour, by all workers.
	MaxDelete int64
	// Attempts is how often an object is tried before it goes to the dead-letter queue.
	Attempts int
	// LookAgain is after what time nobody who lost a message can write any more.
	LookAgain time.Duration
	// Lease is how long a finder that died keeps others from its place.
	Lease time.Duration
	// Quiet is how long the queues must be empty, and nothing be settled, before a finder
	// that waits takes what is missing for lost; zero for DefaultQuiet. SQS counts its
	// messages with a delay of about a minute.
	Quiet time.Duration
	// RetryAfter is the pause before the second attempt; it doubles with each.
	RetryAfter time.Duration
}

// Defaults of a fleet.
const (
	DefaultAttempts   = 5
	DefaultLookAgain  = 15 * time.Minute
	DefaultRetryAfter = 30 * time.Second
	DefaultQuiet      = 5 * time.Minute
)

// longestRetry is the longest that a queue holds a batch back.
const longestRetry = 15 * time.Minute

func (f *Fleet) pause(attempt int) time.Duration {
	if attempt > 10 {
		return longestRetry
	}
	return min(f.RetryAfter<<max(attempt-1, 0), longestRetry)
}
