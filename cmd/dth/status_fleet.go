package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue/sqs"
)

// fleetStatus is one run of a fleet, as it is at the moment.
type fleetStatus struct {
	observe.Report
	Queues *shownQueues `json:"queues,omitempty"` // nil where they are not named
}

// shownQueues tells how full a fleet's queues are, about.
type shownQueues struct {
	Waiting     int64 `json:"waiting"`      // can be worked on now
	Delayed     int64 `json:"delayed"`      // can be worked on later
	Held        int64 `json:"held"`         // with workers
	DeadLetters int64 `json:"dead_letters"` // whether anybody looks at them or not
}

// showFleet lists the runs of a fleet, or shows one.
func (c *statusCommand) showFleet(ctx context.Context, p *process, settings job.Settings) error {
	kept, err := openJournal(ctx, settings)
	if err != nil {
		return err
	}
	if c.ID == "" {
		runs, err := kept.Runs(ctx)
		if err != nil {
			return err
		}
		return c.list(p, showRuns("", runs))
	}
	run, err := findRun(ctx, kept, c.ID)
	if err != nil {
		return err
	}
	var status fleetStatus
	if status.Report, err = fleetReport(ctx, kept, run); err != nil {
		return err
	}
	if settings.Fleet.CheckQueues() == nil {
		if status.Queues, err = p.depths(ctx, settings); err != nil {
			return err
		}
	}
	if c.JSON {
		return writeJSON(p.stdout, status)
	}
	if run.State == journal.StateRunning {
		status.Finished = time.Now() // what it took up to now
	}
	if err := p.tellRun(&status.Report); err != nil || status.Queues == nil {
		return err
	}
	q := status.Queues
	_, err = fmt.Fprintf(p.stdout, "queues, about: %s messages wait, %s wait for later, %s are with workers; %s dead letters\n",
		count(q.Waiting), count(q.Delayed), count(q.Held), count(q.DeadLetters))
	return err
}

// fleetReport returns the report of a run with what the workers have done up to now,
// which may be more than when the finder wrote it.
func fleetReport(ctx context.Context, kept journal.Shared, run journal.Run) (observe.Report, error) {
	report, err := readReport(run.Report, observe.Report{
		Run: run.ID, Source: run.Source, Destination: run.Destination, Started: run.Started, Finished: run.Started, State: run.State,
	})
	if err != nil {
		return observe.Report{}, fmt.Errorf("report of run %s: %w", run.ID, err)
	}
	total, err := kept.Total(ctx, run.ID)
	if err != nil {
		return observe.Report{}, err
	}
	if total != (journal.Counts{}) { // else it is so old that it was forgotten
		settle(&report, total)
	}
	err = readObjects(ctx, kept, &report)
	return report, err
}

// readReport returns the report of a run that has ended, else unfinished.
func readReport(text []byte, unfinished observe.Report) (observe.Report, error) {
	if len(text) == 0 {
		return unfinished, nil
	}
	var report observe.Report
	err := json.Unmarshal(text, &report)
	return report, err
}

// settle takes the totals of the workers over into a report, in place of those that were
// known when it was written. What the finder itself found equal stays.
func settle(report *observe.Report, total journal.Counts) {
	o := &report.Objects
	if o.ListedSource == 0 { // the finder has not told yet
		o.Equal = total.Equal
	}
	o.Copied, o.Inside, o.Failed, o.Skipped = total.Copied, total.Inside, total.Failed, total.Skipped
	o.Archived, o.Unmappable, o.Adapted = total.Archived, total.Unmappable, total.Adapted
	o.Vanished, o.Replanned, o.Deleted = total.Vanished, total.Replanned, total.Deleted
	o.Planned = max(o.Planned, total.Settled()) // while the finder has not told
	report.Bytes.Copied = total.Bytes
	report.Evidence = observe.Evidence{BothEnds: total.GradeBoth, OneEnd: total.GradeOne, SizeOnly: total.GradeSize}
}

// depths returns how full the queues are.
func (p *process) depths(ctx context.Context, settings job.Settings) (*shownQueues, error) {
	shown := &shownQueues{}
	err := p.withQueues(ctx, settings, func(opened *sqs.Queue) error {
		work, err := opened.Depth(ctx)
		if err != nil {
			return err
		}
		dead, err := opened.DeadDepth(ctx)
		*shown = shownQueues{work.Waiting, work.Delayed, work.Held, dead.Waiting + dead.Delayed + dead.Held}
		return err
	})
	return shown, err
}
