package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/event"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// fleetWorld is a world whose work lies in a shared queue and a shared journal.
type fleetWorld struct {
	*world
	queue   *memQueue
	journal *memJournal
	adjust  func(*engine.Fleet)
	parse   func(body []byte) ([]driver.Event, error) // what the source's plugin reads of a notification
	wrap    func(driver.Bucket) driver.Bucket         // the source; may be nil
	started int
	counted *observe.Counters // of the process that started last
}

// fleetRun is the run of the tasks that a test sends itself.
const fleetRun = "run"

func newFleetWorld(t *testing.T) *fleetWorld {
	t.Helper()
	f := &fleetWorld{world: newWorld(t), queue: newMemQueue()}
	f.settings.Compare = job.CompareSize // needs no ledger
	state, err := statefile.Open(t.Context(), f.state, statefile.Options{Command: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	f.journal = newMemJournal(sqlite.New(state))
	return f
}

// process returns the engine of one more process of the fleet.
func (f *fleetWorld) process() *engine.Engine {
	f.t.Helper()
	source, err := job.Parse(f.from)
	if err != nil {
		f.t.Fatal(err)
	}
	destination, err := job.ParseDestination(f.to)
	if err != nil {
		f.t.Fatal(err)
	}
	from, to := f.open(f.source.Endpoint(), source.Bucket), f.open(f.destination.Endpoint(), cmp.Or(f.aliased, destination.Bucket))
	to = behind(f.atTarget, govern(f.t, to, f.rules))
	if f.parse != nil {
		from = reading{from, f.parse}
	}
	if f.wrap != nil {
		from = f.wrap(from)
	}
	f.started++
	f.counted = &observe.Counters{}
	fleet := &engine.Fleet{
		Queue: f.queue.join(), Journal: f.journal, Worker: fmt.Sprint("process-", f.started), Attempts: 3, MaxDelete: 1,
		LookAgain: time.Second, Lease: time.Hour, RetryAfter: 2 * time.Second, Quiet: 20 * time.Millisecond,
	}
	if f.adjust != nil {
		f.adjust(fleet)
	}
	e, err := engine.New(engine.Config{
		Job:    job.Job{Source: source, Destination: destination, Settings: f.settings},
		Source: from, Destination: to, Fleet: fleet, Counters: f.counted, Logger: hclog.NewNullLogger(),
		Retry: retry.Policy{Attempts: 2, Base: time.Millisecond, Cap: 2 * time.Millisecond},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		e.Close()
		_ = from.Close()
		_ = to.Close()
	})
	return e
}

// reading is a store that reads notifications.
type reading struct {
	driver.Bucket
	parse func([]byte) ([]driver.Event, error)
}

func (r reading) Session() driver.Session {
	session := r.Bucket.Session()
	session.Capabilities = append(session.Capabilities[:len(session.Capabilities):len(session.Capabilities)], driver.CapabilityEventParser)
	return session
}

func (r reading) ParseEvents(_ context.Context, body []byte) ([]driver.Event, error) {
	return r.parse(body)
}

// running is a worker at work.
type running struct {
	stop context.CancelFunc
	done chan error
}

// start starts a worker.
func (f *fleetWorld) start() *running {
	f.t.Helper()
	e := f.process()
	ctx, stop := context.WithCancel(f.t.Context())
	r := &running{stop: stop, done: make(chan error, 1)}
	go func() { r.done <- e.Serve(ctx) }()
	f.t.Cleanup(func() { stop() })
	return r
}

// drain tells the worker to stop and waits for its end.
func (r *running) drain() error {
	r.stop()
	return <-r.done
}

// serve has one worker work until nothing is left in the queue.
func (f *fleetWorld) serve() {
	f.t.Helper()
	worker := f.start()
	if err := f.queue.await(f.t.Context(), f.queue.isEmpty); err != nil {
		f.t.Fatal(err)
	}
	if err := worker.drain(); err != nil {
		f.t.Fatal(err)
	}
}

// send sends tasks in one message.
func (f *fleetWorld) send(tasks ...task.Task) {
	f.t.Helper()
	if err := f.queue.Send(f.t.Context(), task.Batch{Run: fleetRun, Tasks: tasks}); err != nil {
		f.t.Fatal(err)
	}
}

// object stores a source object and returns its task.
func (f *fleetWorld) object(key string, size int) task.Task {
	f.t.Helper()
	etag, err := f.source.Put("src", key, content(size, 1), driver.Attributes{})
	if err != nil {
		f.t.Fatal(err)
	}
	return task.Task{Key: key, Size: int64(size), ETag: etag}
}

// total returns what the messages of a run came to.
func (f *fleetWorld) total(run string) journal.Counts {
	f.t.Helper()
	total, err := f.journal.Total(f.t.Context(), run)
	if err != nil {
		f.t.Fatal(err)
	}
	return total
}

// events has the fleet follow events; a notification's body is one of these names.
func (f *fleetWorld) events(notifications map[string][]driver.Event) {
	f.parse = func(body []byte) ([]driver.Event, error) {
		events, known := notifications[string(body)]
		if !known {
			return nil, &driver.Error{Op: "ParseEvents", Kind: driver.KindInvalidArgument, Message: "it is no notification"}
		}
		return events, nil
	}
	f.adjust = func(fleet *engine.Fleet) { fleet.Events = event.CreateAndDelete }
}
