package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
)

// syncCommand makes the destination hold what the source holds.
type syncCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml, or @all for all of them."`
	Destination string `arg:"" optional:"" help:"Location to write."`

	syncFlags
}

// Run runs the jobs one after the other. An interruption ends them all.
func (c *syncCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	jobs, err := targets(in, c.Source, c.Destination)
	if err != nil {
		return err
	}
	return p.eachJob(jobs, func(resolved job.Job) error {
		return p.transfer(ctx, resolved, c.JSON, engine.New, (*engine.Engine).Sync)
	})
}

// eachJob runs jobs until one is interrupted. With several jobs each failure is told as
// it happens, and the first one gives the exit code.
func (p *process) eachJob(jobs []job.Job, do func(job.Job) error) error {
	if len(jobs) == 1 {
		return do(jobs[0])
	}
	first := exitDone
	for _, resolved := range jobs {
		fmt.Fprintf(p.stderr, "dth: job %s\n", resolved.Name)
		code := exitDone
		if err := do(resolved); err != nil {
			code = p.fail(err)
		}
		if first == exitDone {
			first = code
		}
		if code == exitInterrupted {
			return outcome(code)
		}
	}
	if first != exitDone {
		return outcome(first)
	}
	return nil
}

// transfer runs one job that moves bytes, and reports it.
func (p *process) transfer(ctx context.Context, resolved job.Job, asJSON bool,
	build buildEngine, work func(*engine.Engine, context.Context) (*observe.Report, error),
) error {
	opened, err := p.openSession(ctx, resolved, p.lockState, build)
	if err != nil {
		return err
	}
	stop := p.progress(opened.counters)
	report, err := work(opened.engine, ctx)
	stop()
	return errors.Join(p.tell(report, err, resolved.Settings.AllowSkipped, asJSON), opened.close())
}

// progress draws the counters where people look on.
func (p *process) progress(counters *observe.Counters) (stop func()) {
	if !isTerminal(p.stderr) {
		return func() {}
	}
	return showProgress(p.console, counters.Snapshot)
}

// tell prints the report and turns it into an exit code. Of a run that stopped
// before it did anything people only see why; one that did not begin has no report.
func (p *process) tell(report *observe.Report, err error, allowSkipped, asJSON bool) error {
	if report == nil {
		return err
	}
	var written error
	objects := report.Objects
	var parked *engine.ParkedError
	switch {
	case asJSON:
		written = writeJSON(p.stdout, report)
	case err == nil, errors.As(err, &parked), objects.Copied+objects.Failed+objects.Skipped > 0:
		written = writeReport(p.stdout, report)
	}
	switch {
	case err != nil:
		return err
	case written != nil:
		return written
	case objects.Failed > 0, objects.Skipped > 0 && !allowSkipped:
		return outcome(exitIncomplete)
	}
	return nil
}
