package observe

import (
	"fmt"
	"sync"
	"time"
)

// Pulse tells a process that makes progress from one that hangs. Progress is whatever
// the process counts, and each Beat. It is safe for concurrent use.
type Pulse struct {
	process *Process
	limit   time.Duration

	mu    sync.Mutex
	sign  int64     // of what was counted at the last look
	since time.Time // when there was progress last, as far as anybody looked
}

// NewPulse returns the pulse of a process that hangs when nothing happens for longer than
// limit. What waits on purpose, for a message say, has to beat more often.
func NewPulse(process *Process, limit time.Duration) *Pulse {
	return &Pulse{process: process, limit: limit, sign: sign(process), since: time.Now()}
}

// Beat says that the process is well though it counts nothing.
func (p *Pulse) Beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = time.Now()
}

// Health returns nil while there is progress, else for how long there was none. It has to be
// asked more often than the limit to see all progress.
func (p *Pulse) Health() error {
	now := sign(p.process)
	p.mu.Lock()
	defer p.mu.Unlock()
	if now != p.sign {
		p.sign, p.since = now, time.Now()
	}
	if idle := time.Since(p.since); idle > p.limit {
		return fmt.Errorf("no progress for %s", idle.Round(time.Second))
	}
	return nil
}

// sign grows with all progress.
func sign(process *Process) int64 {
	totals := process.Totals()
	sum := totals.Objects.ListedSource + totals.Objects.ListedDestination + totals.Objects.Equal + totals.Objects.Planned +
		totals.Objects.Copied + totals.Objects.Failed + totals.Objects.Skipped + totals.Objects.Vanished + totals.Objects.Deleted +
		totals.Bytes.Moved + totals.Retried
	for _, requests := range []map[string]int64{totals.Requests.Source, totals.Requests.Destination} {
		for _, n := range requests {
			sum += n
		}
	}
	return sum
}
