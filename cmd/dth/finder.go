package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
)

// finderCommand finds work for the workers of a fleet.
type finderCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml."`
	Destination string `arg:"" optional:"" help:"Location to write."`

	Every        time.Duration `placeholder:"TIME" help:"Compare again and again, so long after the last comparison began (default: once)."`
	Wait         bool          `help:"End when the workers have settled all that was found, and report."`
	SkipCompare  bool          `help:"Do not list the destination: send every source object."`
	PrefixesFrom string        `placeholder:"FILE|LOCATION" help:"Compare only the prefixes in this file or object, one a line; \"-\" for stdin."`
	WorkerGroup  string        `placeholder:"NAME" help:"Auto Scaling group of the workers, of which the first is started as soon as there is work."`

	telemetryFlags
	locationFlags
	compareFlags
	transferFlags
	fitFlags
	fleetFlags
	reportFlags
}

// Run finds once or again and again.
func (c *finderCommand) Run(ctx context.Context, p *process) error {
	resolved, err := c.resolve(p)
	if err != nil {
		return err
	}
	told, err := openTelemetry(ctx, c.telemetryFlags, emf.Finder, func() error { return nil }, p.stdout, p.logger(resolved.Settings.LogLevel))
	if err != nil {
		return err
	}
	prefixes, err := c.prefixes(ctx, p, resolved.Settings)
	if err != nil {
		if ctx.Err() == nil {
			told.process.Failures.Add(1)
		}
		return errors.Join(err, told.close(ctx))
	}
	return errors.Join(c.find(ctx, p, resolved, prefixes, told.process), told.close(ctx))
}

func (c *finderCommand) resolve(p *process) (job.Job, error) {
	return p.resolveFleet(c.locationFlags, c.Source, c.Destination)
}

// resolveFleet returns the one job of a finder or worker.
func (p *process) resolveFleet(flags locationFlags, source, destination string) (job.Job, error) {
	in, err := p.input(flags)
	if err != nil {
		return job.Job{}, err
	}
	jobs, err := targets(in, source, destination)
	if err != nil {
		return job.Job{}, err
	}
	if len(jobs) != 1 {
		return job.Job{}, &job.Error{What: "a fleet works on one job", Do: "name it: @NAME", Usage: true}
	}
	return jobs[0], nil
}

// find runs the finder until it is done or interrupted. Each round opens everything anew:
// it counts for itself, and credentials may have changed since.
func (c *finderCommand) find(ctx context.Context, p *process, resolved job.Job, prefixes []string, process *observe.Process) error {
	logger := p.logger(resolved.Settings.LogLevel)
	for {
		began := time.Now()
		report, err := c.findOnce(ctx, p, resolved, prefixes, process)
		var mistake *job.Error
		switch {
		case c.Every == 0 || ctx.Err() != nil || errors.As(err, &mistake):
			if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrFinderRuns) {
				process.Failures.Add(1)
			}
			if report == nil {
				return err
			}
			return p.tell(report, err, resolved.Settings.AllowSkipped, c.JSON)
		case errors.Is(err, engine.ErrFinderRuns):
			logger.Info("another finder is at work on this job")
		case err != nil:
			process.Failures.Add(1)
			logger.Error("comparison ended early; the next one begins anew", "error", err)
		default:
			logger.Info("comparison is done", "run", report.Run, "listed", report.Objects.ListedSource, "planned", report.Objects.Planned)
		}
		timer := time.NewTimer(time.Until(began.Add(c.Every)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (c *finderCommand) findOnce(ctx context.Context, p *process, resolved job.Job, prefixes []string, process *observe.Process) (*observe.Report, error) {
	opened, err := p.openFleetSession(ctx, resolved, func(fleet *engine.Fleet) error {
		fleet.Prefixes, fleet.SkipCompare = prefixes, c.SkipCompare
		return p.openWorkers(ctx, fleet, resolved.Settings)
	})
	if err != nil {
		return nil, err
	}
	defer process.Follow(opened.counters)()
	stop := p.progress(opened.counters)
	report, err := opened.engine.Find(ctx, c.Wait)
	stop()
	return report, errors.Join(err, opened.close())
}

// largestList bounds a list of prefixes: some millions of them.
const largestList = 256 << 20

// prefixes reads the list of prefixes; none where there is no list.
func (c *finderCommand) prefixes(ctx context.Context, p *process, settings job.Settings) ([]string, error) {
	if c.PrefixesFrom == "" {
		return nil, nil
	}
	text, err := c.readList(ctx, p, settings)
	if err != nil {
		return nil, fmt.Errorf("--prefixes-from: %w", err)
	}
	prefixes := job.Prefixes(text)
	switch {
	case len(text) > largestList:
		return nil, &job.Error{Where: "--prefixes-from", What: "the list is larger than 256 MiB", Do: "split it", Usage: true}
	case len(prefixes) == 0:
		return nil, &job.Error{Where: "--prefixes-from", What: "the list is empty", Do: "write one prefix a line, or leave the flag out to compare everything", Usage: true}
	}
	return prefixes, nil
}

// readList reads the list from a file, stdin or an object, one byte more than it may have.
func (c *finderCommand) readList(ctx context.Context, p *process, settings job.Settings) (string, error) {
	if strings.Contains(c.PrefixesFrom, "://") {
		return c.readObject(ctx, p, settings)
	}
	input := os.Stdin
	if c.PrefixesFrom != "-" {
		file, err := os.Open(c.PrefixesFrom)
		if err != nil {
			return "", &job.Error{What: err.Error(), Do: "name a file with one prefix a line, or an object such as s3://bucket/list.txt", Usage: true}
		}
		defer file.Close()
		input = file
	}
	var text strings.Builder
	_, err := io.Copy(&text, io.LimitReader(input, largestList+1))
	return text.String(), err
}

// readObject reads the list from an object of any store.
func (c *finderCommand) readObject(ctx context.Context, p *process, settings job.Settings) (string, error) {
	in, err := p.input(locationFlags{})
	if err != nil {
		return "", err
	}
	location, err := in.Object("prefixes", c.PrefixesFrom)
	if err != nil {
		return "", err
	}
	opened, err := p.plugins(settings, p.logger(settings.LogLevel)).Open(ctx, location)
	if err != nil {
		return "", err
	}
	text, err := engine.ReadObject(ctx, location, opened, largestList)
	return string(text), errors.Join(err, opened.Close())
}
