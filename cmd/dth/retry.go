package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	records "github.com/dth-dev/dth/core/journal/dynamodb"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue/sqs"
)

// retryCommand takes the objects of a run again that failed or were skipped.
type retryCommand struct {
	ID          string `arg:"" name:"run" help:"Run whose failed and skipped objects to take again."`
	Source      string `arg:"" optional:"" help:"Location that the run read, or @NAME; a fleet needs none, its workers have it."`
	Destination string `arg:"" optional:"" help:"Location that the run wrote."`

	locationFlags
	transferFlags
	serverSideFlags
	fitFlags
	stateFlags
	queueFlags
	tableFlags
	reportFlags
}

// Run has the workers of a fleet take them, or copies them itself.
func (c *retryCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	if c.Source == "" {
		settings, _, err := in.Settings()
		if err == nil && !settings.Fleet.Given() {
			err = &job.Error{What: "the locations of the run are missing", Usage: true,
				Do: "write SOURCE and DESTINATION, or @NAME; for a run of a fleet, name its queues and tables"}
		}
		if err != nil {
			return err
		}
		return c.retryFleet(ctx, p, settings)
	}
	jobs, err := targets(in, c.Source, c.Destination)
	if err != nil {
		return err
	}
	if len(jobs) != 1 {
		return &job.Error{What: "a run is of one job", Do: "name it: @NAME", Usage: true}
	}
	if jobs[0].Settings.Fleet.Given() {
		return c.retryFleet(ctx, p, jobs[0].Settings)
	}
	return p.transfer(ctx, jobs[0], c.JSON, engine.New, func(e *engine.Engine, ctx context.Context) (*observe.Report, error) {
		return e.Retry(ctx, c.ID)
	})
}

// shownRetry is what a fleet was asked to do.
type shownRetry struct {
	Run  string `json:"run"`
	Sent int64  `json:"sent"`
	Left int64  `json:"left_to_finder"`
}

// retryFleet sends them to the workers of the fleet.
func (c *retryCommand) retryFleet(ctx context.Context, p *process, settings job.Settings) error {
	kept, err := openJournal(ctx, settings)
	if err != nil {
		return err
	}
	shown := shownRetry{Run: c.ID}
	err = p.withQueues(ctx, settings, func(to *sqs.Queue) (err error) {
		shown.Sent, shown.Left, err = engine.SendAgain(ctx, kept, to, c.ID)
		return err
	})
	if err == nil && shown.Sent+shown.Left == 0 {
		_, err = findRun(ctx, kept, c.ID)
	}
	switch {
	case err != nil && shown.Sent > 0:
		return fmt.Errorf("%s objects were sent at most, not all: %w", count(shown.Sent), err)
	case err != nil:
		return err
	case c.JSON:
		return writeJSON(p.stdout, shown)
	}
	if _, err = fmt.Fprintf(p.stdout, "%s objects of run %s are looked at again: dth status %s\n", count(shown.Sent), c.ID, c.ID); err != nil || shown.Left == 0 {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s objects that the destination cannot hold are left to the finder\n", count(shown.Left))
	return err
}

// openJournal opens the journal of a fleet, to read it.
func openJournal(ctx context.Context, settings job.Settings) (journal.Shared, error) {
	if err := settings.Fleet.CheckTables(); err != nil {
		return nil, err
	}
	tables, err := dynamo.Open(ctx, dynamo.Options{Objects: settings.Fleet.ObjectsTable, Parts: settings.Fleet.PartsTable})
	if err != nil {
		return nil, err
	}
	return records.New(tables, records.Options{Owner: "reader"}), nil
}

// findRun returns a run of a fleet. What events lead to is counted under the name of a
// day, which nobody began.
func findRun(ctx context.Context, kept journal.Shared, id string) (journal.Run, error) {
	runs, err := kept.Runs(ctx)
	if err != nil {
		return journal.Run{}, err
	}
	for _, run := range runs {
		if run.ID == id {
			return run, nil
		}
	}
	total, err := kept.Total(ctx, id)
	if err != nil {
		return journal.Run{}, err
	}
	if total == (journal.Counts{}) {
		return journal.Run{}, engine.UnknownRun(id)
	}
	day, _ := time.Parse("20060102-events", id) // zero for any other
	return journal.Run{ID: id, Started: day, State: journal.StateRunning}, nil
}
