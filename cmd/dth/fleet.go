package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/assembly"
	giants "github.com/dth-dev/dth/core/assembly/dynamodb"
	"github.com/dth-dev/dth/core/assembly/stepfunctions"
	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/event"
	"github.com/dth-dev/dth/core/job"
	records "github.com/dth-dev/dth/core/journal/dynamodb"
	ledgers "github.com/dth-dev/dth/core/ledger/dynamodb"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue/sqs"
	"github.com/dth-dev/dth/core/wake"
)

// tableFlags name the tables in which a fleet keeps its state.
type tableFlags struct {
	ObjectsTable string `placeholder:"NAME" help:"DynamoDB table with a record of each object."`
	PartsTable   string `placeholder:"NAME" help:"DynamoDB table of runs, uploads and leases."`
}

// queueFlags name the queues of a fleet.
type queueFlags struct {
	Queue           string `placeholder:"URL" help:"SQS queue of objects."`
	PriorityQueue   string `placeholder:"URL" help:"SQS queue of parts and of orders about giant objects."`
	DeadLetterQueue string `placeholder:"URL" help:"SQS queue of what cannot be worked on."`
}

// fleetFlags say where a fleet keeps its work and how it treats it.
type fleetFlags struct {
	queueFlags
	tableFlags
	StateMachine   string `placeholder:"ARN" help:"Step Functions state machine that watches giant objects; without it each is copied by one worker."`
	GiantThreshold string `placeholder:"SIZE" help:"Size from which an object is copied by many workers (default: 1GiB)."`
	CheckEvery     string `placeholder:"TIME" help:"How often the state machine looks at a giant object (default: 1m)."`
	StatusDays     string `placeholder:"N" help:"For how many days the fleet remembers what came of each message, by which dth status counts (default: 14)."`
	RetryAfter     string `placeholder:"TIME" help:"Pause before an object is tried again; doubles with each attempt (default: 30s)."`
	LookAgain      string `placeholder:"TIME" help:"Time after which a worker that lost a message can no longer write (default: 15m)."`
	Visibility     string `placeholder:"TIME" help:"How long a message is its worker's after the worker's last sign of life (default: 2m)."`
	Lease          string `placeholder:"TIME" help:"The same for uploads, and for the finder among finders; a fifth of it covers clocks that differ (default: 5m)."`
	Attempts       string `placeholder:"N" help:"How often an object is tried before it goes to the dead-letter queue (default: 5)."`
}

// openFleet opens what the machines of a fleet share. The queue is closed with the session.
func (p *process) openFleet(ctx context.Context, settings job.Settings, logger hclog.Logger) (*engine.Fleet, *sqs.Queue, error) {
	if err := errors.Join(settings.Fleet.CheckQueues(), settings.Fleet.CheckTables()); err != nil {
		return nil, nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker" // the rest of the name tells it apart
	}
	fleet := &engine.Fleet{
		Worker: fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8]), Attempts: settings.Fleet.Attempts,
		RetryAfter: settings.Fleet.RetryAfter, LookAgain: settings.Fleet.LookAgain, Lease: settings.Fleet.Lease,
	}
	if fleet.Attempts == 0 {
		fleet.Attempts = engine.DefaultAttempts
	}
	if settings.Fleet.Events != "none" {
		if fleet.Events, err = event.ParseMode(settings.Fleet.Events); err != nil {
			return nil, nil, err
		}
	}
	if fleet.MaxDelete, err = hourlyDeletions(settings.MaxDelete); err != nil {
		return nil, nil, err
	}
	tables, err := dynamo.Open(ctx, dynamo.Options{
		Objects: settings.Fleet.ObjectsTable, Parts: settings.Fleet.PartsTable, Margin: settings.Fleet.Lease / 5,
	})
	if err != nil {
		return nil, nil, err
	}
	fleet.Journal, fleet.Ledger = records.New(tables, records.Options{
		Owner: fleet.Worker, Lease: settings.Fleet.Lease, Tallies: time.Duration(settings.Fleet.StatusDays) * 24 * time.Hour,
	}), ledgers.New(tables)
	if fleet.Giants, err = openGiants(ctx, settings, tables); err != nil {
		return nil, nil, err
	}
	queue, err := sqs.New(ctx, sqs.Config{
		Main: settings.Fleet.Queue, Priority: settings.Fleet.PriorityQueue, DeadLetter: settings.Fleet.DeadLetterQueue, Log: logger,
		Timings: sqs.Timings{
			Wait:       min(sqs.DefaultTimings.Wait, settings.Fleet.Visibility/2),
			Visibility: settings.Fleet.Visibility, Heartbeat: settings.Fleet.Visibility / 3,
		},
	})
	fleet.Queue = queue
	return fleet, queue, err
}

// openWorkers has the finder start workers where their group is named.
func (p *process) openWorkers(ctx context.Context, fleet *engine.Fleet, settings job.Settings) error {
	if settings.Fleet.WorkerGroup == "" {
		return nil
	}
	group, err := wake.Open(ctx, settings.Fleet.WorkerGroup, p.logger(settings.LogLevel))
	if err != nil {
		return err
	}
	fleet.Wake = group.Wake
	return nil
}

// openGiants opens what giant objects need; nil without a state machine.
func openGiants(ctx context.Context, settings job.Settings, tables *dynamo.Client) (*engine.Giants, error) {
	if settings.Fleet.StateMachine == "" {
		return nil, nil
	}
	store, err := giants.New(tables, 0)
	if err != nil {
		return nil, err
	}
	watch, err := stepfunctions.Open(ctx, settings.Fleet.StateMachine, settings.Fleet.CheckEvery)
	if err != nil {
		return nil, err
	}
	return &engine.Giants{
		Threshold: settings.Fleet.GiantThreshold,
		Assembly: assembly.Config{
			Store: store, Watch: watch, PartSize: settings.PartSize,
			Creating: settings.Fleet.Lease, Joining: 3 * settings.Fleet.Lease, Beat: settings.Fleet.Lease / 5, Idle: 12 * settings.Fleet.Lease,
			Backoff: settings.Fleet.RetryAfter,
		},
	}, nil
}

// defaultDeletions is how many objects events may delete in an hour unless --max-delete
// says another number.
const defaultDeletions = 10_000

// hourlyDeletions returns the number that --max-delete allows in an hour: the events of a
// fleet know no number of keys that a share could be of.
func hourlyDeletions(limit job.MaxDelete) (int64, error) {
	switch {
	case limit.Share == 0:
		return limit.Count, nil
	case limit.Written == job.DefaultMaxDelete:
		return defaultDeletions, nil
	}
	return 0, &job.Error{Where: "--max-delete", What: "a fleet counts deletions by the hour, not by a share of keys", Do: "write a number such as 1000", Usage: true}
}

// openFleetSession opens both buckets, what the fleet shares, and an engine over them.
func (p *process) openFleetSession(ctx context.Context, resolved job.Job, adjust func(*engine.Fleet) error) (*session, error) {
	opened := &session{counters: &observe.Counters{}}
	if err := p.fillFleetSession(ctx, opened, resolved, adjust); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

func (p *process) fillFleetSession(ctx context.Context, opened *session, resolved job.Job, adjust func(*engine.Fleet) error) error {
	logger := p.logger(resolved.Settings.LogLevel)
	fleet, queue, err := p.openFleet(ctx, resolved.Settings, logger)
	if err != nil {
		return err
	}
	opened.closers = append(opened.closers, queue.Close)
	if err := adjust(fleet); err != nil {
		return err
	}
	source, destination, err := p.openBuckets(ctx, opened, resolved, logger)
	if err != nil {
		return err
	}
	opened.engine, err = engine.New(engine.Config{
		Job: resolved, Source: source, Destination: destination, Fleet: fleet, Counters: opened.counters, Logger: logger,
	})
	if err == nil {
		opened.closers = append(opened.closers, func() error { opened.engine.Close(); return nil })
	}
	return err
}
