package engine

import (
	"context"
	"errors"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// openInside has the copier copy inside the store where that is possible, and returns
// why it is not, "" when it is.
func (e *Engine) openInside(ctx context.Context) (string, error) {
	source, destination := e.job.Source, e.job.Destination
	switch {
	case e.job.Settings.ServerSide == job.ServerSideNever:
		return "server-side is never", nil
	case e.copier.Bare:
		return "metadata is none, and a store copies objects with all of theirs", nil
	case source.Plugin != destination.Plugin:
		return "source and destination are different stores", nil
	case !e.destination.Session.Has(driver.CapabilityCopier):
		return "the store does not copy by itself", nil
	}
	inside, err := e.destination.OpenInside(ctx, driver.CopySource{Bucket: source.Bucket, Options: source.Options})
	var failure *driver.Error
	if err != nil && ctx.Err() == nil && errors.As(err, &failure) {
		e.log.Debug("objects pass through this machine", "reason", failure.Error())
		return failure.Error(), nil
	}
	e.copier.Inside = inside
	return "", err
}
