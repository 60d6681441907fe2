package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/core/drain"
	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/notify"
	"github.com/dth-dev/dth/core/observe/emf"
)

// workerCommand works on what a finder, and the source store's events, put into the queues.
type workerCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml."`
	Destination string `arg:"" optional:"" help:"Location to write."`

	Events    string `placeholder:"MODE" help:"What to do about notifications of the source store: none, Create or CreateAndDelete (default: none)."`
	MaxDelete string `placeholder:"N" help:"Most objects that events may delete in an hour; the others wait (default: 10000)."`

	telemetryFlags
	locationFlags
	transferFlags
	serverSideFlags
	fitFlags
	fleetFlags
}

// Run works until the process is to end.
func (c *workerCommand) Run(ctx context.Context, p *process) error {
	resolved, err := p.resolveFleet(c.locationFlags, c.Source, c.Destination)
	if err != nil {
		return err
	}
	logger := p.logger(resolved.Settings.LogLevel)
	var running atomic.Pointer[engine.Engine] // once there is one
	told, err := openTelemetry(ctx, c.telemetryFlags, emf.Worker, func() error {
		if started := running.Load(); started != nil {
			return started.Health()
		}
		return errors.New("it is starting")
	}, p.stdout, logger)
	if err != nil {
		return err
	}
	opened, err := p.openFleetSession(ctx, resolved, func(fleet *engine.Fleet) error { fleet.Process = told.process; return nil })
	if err != nil {
		return errors.Join(err, told.close(ctx))
	}
	running.Store(opened.engine)
	ended := told.process.Follow(opened.counters)
	err = c.serve(ctx, p, opened, resolved)
	ended()
	return errors.Join(err, opened.close(), told.close(ctx))
}

// completeDeadline is how long telling Auto Scaling may take.
const completeDeadline = 30 * time.Second

// serve works until the machine is to take no more work.
func (c *workerCommand) serve(ctx context.Context, p *process, opened *session, resolved job.Job) error {
	logger := p.logger(resolved.Settings.LogLevel)
	watcher, err := drain.Open(ctx, drain.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer watcher.Close()
	watchdog, err := notify.Watch(notify.Options{Health: opened.engine.Health, Logger: logger})
	if err != nil {
		return err
	}
	defer watchdog.Close()
	if err := notify.Ready(); err != nil {
		logger.Warn("systemd was not told", "error", err)
	}
	logger.Info("worker is ready", "source", resolved.Source.Address(), "destination", resolved.Destination.Address())
	defer context.AfterFunc(watcher.Context(), func() { logger.Info("worker drains", "reason", context.Cause(watcher.Context())) })()
	err = opened.engine.Serve(watcher.Context())
	if cause := context.Cause(watcher.Context()); cause != nil {
		logger.Info("worker has drained", "reason", cause)
	}
	_ = notify.Stopping() // systemd sees the end, too
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeDeadline)
	defer cancel()
	return errors.Join(err, watcher.Complete(finish))
}
