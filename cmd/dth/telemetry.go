package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
	"github.com/dth-dev/dth/core/observe/web"
)

// telemetryFlags say where a process of a fleet tells how it is.
type telemetryFlags struct {
	Listen   string `placeholder:"ADDRESS" help:"Serve /healthz and /metrics there (default: nowhere)."`
	Stack    string `placeholder:"NAME" help:"Write CloudWatch metrics once a minute, in this namespace and with this StackName (default: none)."`
	LogGroup string `placeholder:"NAME" help:"Log group that the metrics are written to (default: stdout)."`
}

// telemetry tells how a process is until it is closed.
type telemetry struct {
	process *observe.Process
	closers []func(context.Context) error
}

// closePatience is how long the last metrics may take to be written.
const closePatience = 30 * time.Second

// close writes the last metrics and ends all.
func (t *telemetry) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	var errs []error
	for i := len(t.closers) - 1; i >= 0; i-- {
		errs = append(errs, t.closers[i](ctx))
	}
	return errors.Join(errs...)
}

// openTelemetry starts what the flags ask for. Health is asked for /healthz; metrics go to
// output where no log group is named.
func openTelemetry(ctx context.Context, flags telemetryFlags, role emf.Role, health func() error, output io.Writer, logger hclog.Logger) (*telemetry, error) {
	t := &telemetry{process: &observe.Process{}}
	if flags.Stack != "" {
		emitter, err := emf.Open(ctx, emf.Options{
			Stack: flags.Stack, Role: role, Dimensionless: true, Process: t.process, Congestion: congestion(), Group: flags.LogGroup, Output: output, Logger: logger,
		})
		if err != nil {
			return nil, err
		}
		t.closers = append(t.closers, emitter.Close)
	}
	if flags.Listen != "" {
		server, err := web.Listen(web.Options{Address: flags.Listen, Health: health, Process: t.process, Congestion: congestion(), Logger: logger})
		if err != nil {
			mistake := &job.Error{Where: "--listen", What: err.Error(), Do: "name a free address such as " + web.Address, Usage: true}
			return nil, errors.Join(mistake, t.close(ctx))
		}
		logger.Info("health and metrics are served", "address", server.Address())
		t.closers = append(t.closers, server.Close)
	}
	return t, nil
}

// congestion returns the name of TCP's congestion control, empty where it is not known.
func congestion() string {
	name, err := observe.CongestionControl(observe.CongestionFile)
	if err != nil {
		return ""
	}
	return name
}
