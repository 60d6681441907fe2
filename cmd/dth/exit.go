package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/statefile"
)

// The exit codes; the text of --help lists them for people.
const (
	exitDone        = 0
	exitIncomplete  = 1 // failed or skipped objects
	exitUsage       = 2
	exitSetup       = 3 // configuration, credentials, plugin, or a store that cannot be used
	exitInterrupted = 4
	exitDifferent   = 5
	exitRunning     = 6
	exitGuard       = 7
)

// outcome ends the process with a code after everything was said already.
type outcome int

func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }

// fail tells err, unless it is an outcome, and returns its exit code.
func (p *process) fail(err error) int {
	code := exitCode(err)
	var said outcome
	switch {
	case errors.As(err, &said):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "dth: interrupted")
	default:
		for _, line := range strings.Split(err.Error(), "\n") { // joined errors stand on lines of their own
			fmt.Fprintln(p.stderr, "dth: "+printableText(line))
		}
	}
	var parked *engine.ParkedError
	if errors.As(err, &parked) {
		fmt.Fprintf(p.stderr, "dth: to go on, run: %s\n", p.command())
	}
	return code
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	var said outcome
	var mistake *job.Error
	var guard *engine.GuardError
	var parked *engine.ParkedError
	var locked *statefile.LockedError
	var unsettled *engine.UnsettledError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &said):
		return int(said)
	case errors.As(err, &guard):
		return exitGuard
	case errors.As(err, &parked), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &mistake) && mistake.Usage:
		return exitUsage
	case errors.As(err, &locked), errors.Is(err, engine.ErrFinderRuns):
		return exitRunning
	case errors.As(err, &unsettled):
		return exitIncomplete
	}
	return exitSetup
}
