package engine

import (
	"fmt"
	"sync/atomic"
	"time"
)

// stuckAfter is how long a worker may hold messages while nothing moves. The longest wait
// of one request is far below, and so is a part of the slowest link that is of use.
const stuckAfter = 15 * time.Minute

// pulse tells whether a worker makes progress.
type pulse struct {
	held     atomic.Int64 // messages
	progress atomic.Int64 // nanoseconds since 1970 of the last step
	moved    atomic.Int64 // bytes at the last look
}

func (p *pulse) step() { p.progress.Store(time.Now().UnixNano()) }

// Health returns nil while the process makes progress or has nothing to do, else why not.
// It may be called at any time.
func (e *Engine) Health() error {
	p := &e.pulse
	moved := e.counters.MovedBytes.Load() + e.counters.InsideBytes.Load()
	if p.held.Load() == 0 || p.moved.Swap(moved) != moved {
		p.step()
		return nil
	}
	if idle := time.Since(time.Unix(0, p.progress.Load())); idle > stuckAfter {
		return fmt.Errorf("%d messages are held and nothing has moved for %s", p.held.Load(), idle.Round(time.Second))
	}
	return nil
}
