// Package engine wires the parts of dth into what a user asks for: sync, copy, plan,
// verify and retry on one machine, the finder and the workers of a fleet. It is the only
// package that knows them all.
package engine

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/semaphore"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/fit"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
)

// Config is what an engine works with. The caller opens and closes the buckets
// and the state.
type Config struct {
	Job         job.Job
	Source      driver.Bucket
	Destination driver.Bucket
	State       *statefile.File // may be nil for Plan and Verify
	Fleet       *Fleet          // instead of State, for Find and Serve
	Counters    *observe.Counters
	Logger      hclog.Logger
	Retry       retry.Policy // retry.Default where zero
}

// Defaults of the settings that are 0 for automatic.
const (
	defaultTransfers = 64
	defaultMemory    = 48 << 20
	partSlots        = 24
)

// Engine runs one job. Its methods are called one at a time.
type Engine struct {
	job         job.Job
	from, to    job.Keys
	single      bool // the locations are of one object
	source      *transfer.Side
	destination *transfer.Side
	state       *statefile.File
	journal     journal.Journal // nil without a state
	fleet       *Fleet          // nil on one machine
	known       *known          // of the finder's present run
	pulse       pulse
	passed      journal.Counts // what the finder decided in that run
	parser      driver.Bucket  // the source, for its notifications
	copier      *transfer.Copier
	counters    *observe.Counters
	log         hclog.Logger
	retry       retry.Policy
	apart       apart
	warnings    []string // of the present run
	compared    bool     // the present run compares both sides

	incomparable sync.Once // it was told that checksums decide nothing
}

// New returns the engine of a job between two locations of many objects. It fails
// where source and destination share keys, and where the state is of other locations. The
// caller closes it.
func New(config Config) (*Engine, error) {
	from, to := job.MapKeys(config.Job.Source, config.Job.Destination)
	if err := job.CheckOverlap(config.Source.Session().Identity, config.Destination.Session().Identity, from, to); err != nil {
		return nil, err
	}
	return build(config, from, to)
}

func build(config Config, from, to job.Keys) (*Engine, error) {
	if config.Retry.Attempts == 0 {
		config.Retry = retry.Default
	}
	e := &Engine{
		job: config.Job, from: from, to: to, state: config.State,
		counters: config.Counters, log: config.Logger, retry: config.Retry,
		fleet: config.Fleet, parser: config.Source,
	}
	if e.fleet != nil {
		e.fleet = e.paired()
		e.journal = e.fleet.Journal
	}
	var err error
	if e.state != nil {
		e.journal = journalsqlite.New(e.state)
		if err = e.claimState(context.Background(), config.Source.Session().Identity, config.Destination.Session().Identity); err != nil {
			return nil, err
		}
	}
	e.source, err = transfer.NewSide(transfer.Source, config.Job.Source.Bucket, from.Strip, config.Source, config.Retry, config.Counters)
	if err != nil {
		return nil, err
	}
	e.destination, err = transfer.NewSide(transfer.Destination, config.Job.Destination.Bucket, to.Strip, config.Destination, config.Retry, config.Counters)
	if err != nil {
		return nil, err
	}
	limits := exchange.Limits{Rate: config.Job.Settings.MinRate}
	e.source.Limit(limits)
	e.destination.Limit(limits)
	fitter, err := fit.New(config.Job, e.source.Session, e.destination.Session, to.Strip)
	if err != nil {
		return nil, err
	}
	e.copier = e.newCopier(fitter)
	return e, nil
}

func (e *Engine) newCopier(fitter fit.Fitter) *transfer.Copier {
	settings := e.job.Settings
	sizes := plan.DefaultSizes
	if settings.PartSize > 0 {
		sizes.Part = settings.PartSize
	}
	if settings.MultipartThreshold > 0 {
		sizes.Threshold = settings.MultipartThreshold
	}
	return &transfer.Copier{
		Source: e.source, Destination: e.destination, Journal: e.journal,
		Budget: throttle.NewBudget(orDefault(settings.Memory, defaultMemory)),
		Fit:    fitter, Bare: settings.Metadata == job.MetadataNone, Tags: settings.Tags, Terms: e.job.Terms(),
		PartSlots: semaphore.NewWeighted(min(int64(e.transfers()), partSlots)),
		Sizes:     sizes, Policy: e.retry, Counters: e.counters, Logger: e.log,
	}
}

func (e *Engine) transfers() int { return orDefault(e.job.Settings.Transfers, defaultTransfers) }

func orDefault[T int | int64](value, automatic T) T {
	if value == 0 {
		return automatic
	}
	return value
}

// Close releases connections.
func (e *Engine) Close() {
	e.source.Close()
	e.destination.Close()
}

// grace is how long work in flight may go on after an interruption: with what it takes
// to end plugins and write the report, a run ends within five seconds.
const grace = 3 * time.Second

// withGrace returns a context that ends a while after ctx: what is in flight gets
// the chance to finish, what is not finished then is parked.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-hard.Done():
			return
		case <-ctx.Done():
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-hard.Done():
		case <-timer.C:
			cancel()
		}
	}()
	return hard, cancel
}
