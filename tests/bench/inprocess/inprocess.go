// Package inprocess runs a sync with a driver linked into the same process: what
// dth would cost if its plugins were not processes of their own. A plugin's
// benchmarks pass their driver to it.
package inprocess

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
)

// Sync does what `dth sync SOURCE DESTINATION --state STATE` does when it is
// called with no other flag, through the given driver instead of plugins.
func Sync(ctx context.Context, d driver.Driver, source, destination, state string) (err error) {
	resolved, err := job.Input{}.Sync(source, destination)
	if err != nil {
		return err
	}
	from, err := open(ctx, d, resolved.Source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := open(ctx, d, resolved.Destination)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	file, err := statefile.Open(ctx, state, statefile.Options{Command: "bench"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	e, err := engine.New(engine.Config{
		Job: resolved, Source: from, Destination: to, State: file,
		Counters: &observe.Counters{}, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		return err
	}
	defer e.Close()
	report, err := e.Sync(ctx)
	if err == nil && report.Objects.Failed+report.Objects.Skipped > 0 {
		err = fmt.Errorf("%d objects failed, %d skipped", report.Objects.Failed, report.Objects.Skipped)
	}
	return err
}

func open(ctx context.Context, d driver.Driver, location job.Location) (driver.Bucket, error) {
	return d.Open(ctx, driver.OpenRequest{Bucket: location.Bucket, Credentials: location.Credentials, Options: location.Options})
}
