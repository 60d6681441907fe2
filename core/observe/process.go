package observe

import (
	"sync"
	"sync/atomic"
	"time"
)

// Totals are the counts of a process at one moment, of all its runs.
type Totals struct {
	Objects  Objects
	Bytes    Bytes
	Evidence Evidence
	Requests Sides
	Retried  int64 // attempts after the first
	InFlight int64 // objects being copied at this moment
}

// Process gathers what one process counts over all its runs, and what it has in hand
// as one worker among many. It counts nothing itself: it reads the [Counters]
// of the runs when it is asked. Its zero value is ready; all may be changed and read
// at any time.
type Process struct {
	Held     atomic.Int64 // messages that were received and are not settled
	Parts    atomic.Int64 // parts of giant objects being copied at this moment
	Failures atomic.Int64 // rounds of a finder that ended with an error

	lag atomic.Int64 // nanoseconds

	mu   sync.Mutex
	past Totals // of runs that have ended
	runs map[*Counters]struct{}
}

// SetLag remembers how long the message that was received last had waited in the queue:
// none where the queue is empty.
func (p *Process) SetLag(lag time.Duration) { p.lag.Store(int64(max(lag, 0))) }

// Lag returns what SetLag remembered.
func (p *Process) Lag() time.Duration { return time.Duration(p.lag.Load()) }

// Follow includes a run in the totals. The function that it returns is to be called
// when the run has ended and its counters do not change any more.
func (p *Process) Follow(counters *Counters) (ended func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs == nil {
		p.runs = map[*Counters]struct{}{}
	}
	p.runs[counters] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if _, ok := p.runs[counters]; !ok {
			return
		}
		delete(p.runs, counters)
		p.past.add(counters)
		p.past.InFlight = 0
	}
}

// Totals returns the counts of all runs that were followed. They never shrink, InFlight
// excepted.
func (p *Process) Totals() Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	totals := p.past
	totals.Requests = Sides{Source: addRequests(nil, p.past.Requests.Source), Destination: addRequests(nil, p.past.Requests.Destination)}
	for counters := range p.runs {
		totals.add(counters)
	}
	return totals
}

// add adds the counts of one run.
func (t *Totals) add(counters *Counters) {
	var run Report
	counters.Fill(&run)
	t.Objects.add(run.Objects)
	t.Bytes.Planned += run.Bytes.Planned
	t.Bytes.Copied += run.Bytes.Copied
	t.Bytes.Moved += run.Bytes.Moved
	t.Bytes.Inside += run.Bytes.Inside
	t.Bytes.Resumed += run.Bytes.Resumed
	t.Evidence.BothEnds += run.Evidence.BothEnds
	t.Evidence.OneEnd += run.Evidence.OneEnd
	t.Evidence.SizeOnly += run.Evidence.SizeOnly
	t.Requests.Source = addRequests(t.Requests.Source, run.Requests.Source)
	t.Requests.Destination = addRequests(t.Requests.Destination, run.Requests.Destination)
	t.Retried += counters.Retried.Load()
	t.InFlight += counters.InFlight.Load()
}

func (o *Objects) add(more Objects) {
	o.ListedSource += more.ListedSource
	o.ListedDestination += more.ListedDestination
	o.Equal += more.Equal
	o.Planned += more.Planned
	o.Copied += more.Copied
	o.Inside += more.Inside
	o.Failed += more.Failed
	o.Skipped += more.Skipped
	o.Unmappable += more.Unmappable
	o.Adapted += more.Adapted
	o.Archived += more.Archived
	o.Vanished += more.Vanished
	o.Replanned += more.Replanned
	o.Extra += more.Extra
	o.Deleted += more.Deleted
}

// addRequests adds more to counts, which it changes or makes.
func addRequests(counts, more map[string]int64) map[string]int64 {
	if counts == nil {
		counts = make(map[string]int64, len(more))
	}
	for operation, n := range more {
		counts[operation] += n
	}
	return counts
}
