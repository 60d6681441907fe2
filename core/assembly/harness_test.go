package assembly_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/assembly/assemblytest"
	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// partSize is small, so that small objects are giants.
const partSize = 1000

const run = "run-1"

// clock is the time of leases, delays and the watch: it moves when nothing else does.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// fleet is two stores, a queue, records and a watch, which outlive the processes that
// work with them.
type fleet struct {
	t           *testing.T
	source      *memdriver.Server
	destination *memdriver.Server
	clock       *clock
	store       assembly.Store
	queue       *mailbox
	watch       *watch
	fuse        *fuse
	config      assembly.Config // of every process, where it sets something
	settler     assembly.Settler
	journal     journal.Journal // of copiers; nil for none
	counters    *observe.Counters
	terms       string // of copiers
	silent      bool   // no store states checksums
	wrap        func(assembly.Store) assembly.Store

	mu      sync.Mutex
	settled map[string][]journal.Record // by key
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	c := &clock{time: time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)}
	f := &fleet{
		t: t, clock: c, store: assemblytest.NewMemory().Join(t, c.now), queue: &mailbox{clock: c}, fuse: &fuse{},
		source: assemblytest.StartStore(t, "src"), destination: assemblytest.StartStore(t, "dst"), settled: map[string][]journal.Record{},
	}
	f.settler, f.wrap = f, func(s assembly.Store) assembly.Store { return s }
	f.watch = &watch{fleet: f, executions: map[string]*execution{}, polls: map[string]int{}}
	return f
}

func (f *fleet) side(role transfer.Role, server *memdriver.Server, bucket string, counters *observe.Counters) *transfer.Side {
	f.t.Helper()
	return assemblytest.OpenSide(f.t, role, server, bucket, partSize, policy, counters)
}

var policy = retry.Policy{Attempts: 3, Base: time.Millisecond, Cap: 2 * time.Millisecond}

// process is one worker; its context ends when it is killed.
type process struct {
	*assembly.Assembler
	ctx context.Context
}

// start returns a new process. The fuse kills it where one is laid.
func (f *fleet) start() process {
	f.t.Helper()
	counters := &observe.Counters{}
	source := f.side(transfer.Source, f.source, "src", counters)
	destination := f.side(transfer.Destination, f.destination, "dst", counters)
	if f.silent {
		source.Session.Checksums, destination.Session.Checksums = driver.Checksums{}, driver.Checksums{}
	}
	fitter, err := fit.New(job.Job{}, source.Session, destination.Session, "")
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, kill := context.WithCancel(f.t.Context())
	f.t.Cleanup(kill)
	f.fuse.arm(kill)
	config := f.config
	config.Copier = &transfer.Copier{
		Source: source, Destination: destination, Budget: throttle.NewBudget(1 << 20), Fit: fitter,
		PartSlots: semaphore.NewWeighted(4), Policy: policy, Counters: counters, Journal: f.journal, Terms: f.terms,
	}
	f.counters = counters
	config.Store, config.Watch = brittleStore{f.wrap(f.store), f.fuse}, brittleWatch{f.watch, f.fuse}
	config.Queue, config.Settler = brittleQueue{f.queue, f.fuse}, brittleSettler{f.settler, f.fuse}
	config.Owner, config.PartSize, config.RollAt = "worker", cmp.Or(config.PartSize, partSize), rollAt
	return process{assembly.New(config), ctx}
}

// Settle implements assembly.Settler.
func (f *fleet) Settle(_ context.Context, upload assembly.Upload, record journal.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if record.Key != upload.Task.Key || record.Run != upload.Run || record.Message != upload.Message || record.Revision != upload.Revision {
		f.t.Errorf("settled %+v for %+v", record, upload)
	}
	f.settled[record.Key] = append(f.settled[record.Key], record)
	return nil
}

// outcome returns how a key was settled, however often.
func (f *fleet) outcome(key string) journal.Record {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	records := f.settled[key]
	if len(records) == 0 {
		f.t.Fatalf("%q was not settled", key)
	}
	for _, record := range records[1:] {
		if record.Outcome != records[0].Outcome || record.Error != records[0].Error {
			f.t.Errorf("%q was settled as %s (%s) and as %s (%s)", key, records[0].Outcome, records[0].Error, record.Outcome, record.Error)
		}
	}
	return records[0]
}

// put stores a source object and returns its task.
func (f *fleet) put(key string, data []byte) task.Task {
	f.t.Helper()
	etag, err := f.source.Put("src", key, data, driver.Attributes{ContentType: "text/plain"})
	if err != nil {
		f.t.Fatal(err)
	}
	return task.Task{Key: key, Size: int64(len(data)), ETag: etag}
}

// send gives a task to the workers.
func (f *fleet) send(t task.Task) {
	f.t.Helper()
	if err := f.queue.Send(f.t.Context(), task.Batch{Run: run, Tasks: []task.Task{t}}); err != nil {
		f.t.Fatal(err)
	}
}

// patient is how many messages and polls a test takes at most to come to its end.
const patient = 5_000

// work has processes, one after the other, work until nothing is left to do.
func (f *fleet) work() {
	f.t.Helper()
	worker := f.start()
	for range patient {
		if worker.ctx.Err() != nil {
			worker = f.start()
		}
		if message, ok := f.queue.take(); ok {
			f.deliver(worker, message)
			continue
		}
		if f.queue.isEmpty() && f.watch.isIdle() {
			return
		}
		f.clock.advance(time.Minute)
		f.watch.poll()
	}
	f.t.Fatalf("no end: %d messages, watch idle %v", len(f.queue.waiting), f.watch.isIdle())
}

// deliver hands one message to a worker. What it does not acknowledge comes again.
func (f *fleet) deliver(worker process, m letter) {
	f.t.Helper()
	var failures []error
	for _, t := range m.batch.Tasks {
		record, err := worker.Split(worker.ctx, t, m.batch.Run, m.name, 7)
		switch {
		case errors.Is(err, transfer.ErrVanished):
			record = journal.Record{Key: t.Key, Outcome: journal.OutcomeVanished, Run: m.batch.Run}
		case err != nil && record.Outcome == "":
			failures = append(failures, err)
			continue
		}
		if record.Outcome != "" {
			f.mu.Lock()
			f.settled[t.Key] = append(f.settled[t.Key], record)
			f.mu.Unlock()
		}
	}
	for _, part := range m.batch.Parts {
		failures = append(failures, worker.Part(worker.ctx, part))
	}
	for _, order := range m.batch.Orders {
		failures = append(failures, worker.Order(worker.ctx, order))
	}
	if errors.Join(failures...) != nil {
		f.queue.giveBack(m)
	}
}

// same checks that the destination holds the source's objects and nothing else, that no
// upload is open and that no giant is unfinished.
func (f *fleet) same() {
	f.t.Helper()
	if from, to := f.source.Keys("src"), f.destination.Keys("dst"); !slices.Equal(from, to) {
		f.t.Errorf("keys: source %q, destination %q", from, to)
	}
	for _, key := range f.source.Keys("src") {
		_, want, err := f.source.Get("src", key)
		if err != nil {
			f.t.Fatal(err)
		}
		object, got, err := f.destination.Get("dst", key)
		if err != nil || !bytes.Equal(want, got) || object.Attributes.ContentType != "text/plain" {
			f.t.Errorf("%q: %v, %d bytes of %q, want %d of text/plain", key, err, len(got), object.Attributes.ContentType, len(want))
		}
	}
	f.clean()
}

// clean checks that nothing is left behind.
func (f *fleet) clean() {
	f.t.Helper()
	if open := f.destination.Uploads("dst"); len(open) > 0 {
		f.t.Errorf("uploads left open: %+v", open)
	}
	if open, err := f.store.Unfinished(f.t.Context()); err != nil || len(open) > 0 {
		f.t.Errorf("giants left unfinished: %v, %+v", err, open)
	}
}

// content returns n bytes that depend on the seed.
func content(n int, seed byte) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7) ^ byte(i>>8) ^ seed
	}
	return data
}
