package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/registry"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/sdk/driver"
)

// session is what one job runs with.
type session struct {
	engine   *engine.Engine
	counters *observe.Counters
	closers  []func() error
}

// close closes what was opened, the last thing first.
func (s *session) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// openState opens the state folder of a job.
type openState func(ctx context.Context, folder string) (*statefile.File, error)

// buildEngine is engine.New or engine.NewObject.
type buildEngine func(engine.Config) (*engine.Engine, error)

// openSession opens both buckets, the state, and an engine between them.
func (p *process) openSession(ctx context.Context, resolved job.Job, state openState, build buildEngine) (*session, error) {
	opened := &session{counters: &observe.Counters{}}
	if err := p.fillSession(ctx, opened, resolved, state, build); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

func (p *process) fillSession(ctx context.Context, opened *session, resolved job.Job, state openState, build buildEngine) error {
	logger := p.logger(resolved.Settings.LogLevel)
	source, destination, err := p.openBuckets(ctx, opened, resolved, logger)
	if err != nil {
		return err
	}
	config := engine.Config{Job: resolved, Source: source, Destination: destination, Counters: opened.counters, Logger: logger}
	folder, err := p.stateFolder(resolved, source.Session().Identity, destination.Session().Identity)
	if err != nil {
		return err
	}
	if config.State, err = state(ctx, folder); err != nil {
		return err
	}
	if config.State != nil {
		opened.closers = append(opened.closers, config.State.Close)
	}
	opened.engine, err = build(config)
	if err == nil {
		opened.closers = append(opened.closers, func() error { opened.engine.Close(); return nil })
	}
	return err
}

// openBuckets opens both buckets; they are closed with the session.
func (p *process) openBuckets(ctx context.Context, opened *session, resolved job.Job, logger hclog.Logger) (source, destination driver.Bucket, err error) {
	source, destination, err = openBoth(ctx, p.plugins(resolved.Settings, logger), resolved)
	for _, bucket := range []driver.Bucket{source, destination} {
		if bucket != nil {
			opened.closers = append(opened.closers, bucket.Close)
		}
	}
	return source, destination, err
}

// openBoth opens both buckets at once and says of each failure which side it
// is on. A bucket may be open though the other one failed.
func openBoth(ctx context.Context, plugins *registry.Registry, resolved job.Job) (source, destination driver.Bucket, err error) {
	var group errgroup.Group
	var sourceErr, destinationErr error
	group.Go(func() error {
		source, sourceErr = openSide(ctx, plugins, "source", resolved.Source)
		return nil
	})
	group.Go(func() error {
		destination, destinationErr = openSide(ctx, plugins, "destination", resolved.Destination)
		return nil
	})
	_ = group.Wait() // the errors are kept apart, in the order of the sides
	return source, destination, errors.Join(sourceErr, destinationErr)
}

func openSide(ctx context.Context, plugins *registry.Registry, side string, location job.Location) (driver.Bucket, error) {
	bucket, err := plugins.Open(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", side, err)
	}
	return bucket, nil
}

// lockState opens the state for this process alone.
func (p *process) lockState(ctx context.Context, folder string) (*statefile.File, error) {
	return statefile.Open(ctx, folder, statefile.Options{Command: p.command(), Since: time.Now()})
}

// readState opens the state for reading; nil when no run has left one.
func readState(ctx context.Context, folder string) (*statefile.File, error) {
	file, err := statefile.OpenReadOnly(ctx, folder)
	if errors.Is(err, statefile.ErrNoState) {
		return nil, nil
	}
	return file, err
}

// look opens a session that writes nothing, uses its engine, and closes it.
func (p *process) look(ctx context.Context, resolved job.Job, use func(*engine.Engine) error) error {
	opened, err := p.openSession(ctx, resolved, readState, engine.New)
	if err != nil {
		return err
	}
	return errors.Join(use(opened.engine), opened.close())
}

// stateFolder returns the folder of the job's state.
func (p *process) stateFolder(resolved job.Job, sourceIdentity, destinationIdentity string) (string, error) {
	if resolved.Settings.State != "" {
		return resolved.Settings.State, nil
	}
	root, err := job.StateRoot(p.getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, job.StateName(resolved, sourceIdentity, destinationIdentity)), nil
}

// command returns the command line as a shell reads it.
func (p *process) command() string {
	words := []string{"dth"}
	for _, arg := range p.args {
		if arg == "" || strings.ContainsFunc(arg, needsQuotes) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

func needsQuotes(r rune) bool {
	plain := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("@%_-+=:,./", r)
	return !plain
}
