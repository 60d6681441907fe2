package engine

import (
	"context"
	"fmt"

	"github.com/dth-dev/dth/core/job"
	queuesqlite "github.com/dth-dev/dth/core/queue/sqlite"
	"github.com/dth-dev/dth/core/statefile"
)

// claimState makes sure that the state is of this job's locations: its records and uploads
// would be taken for theirs. A state of no locations yet, or one that holds nothing, becomes
// theirs, unless it is open for reading only.
func (e *Engine) claimState(ctx context.Context, sourceIdentity, destinationIdentity string) error {
	ours := statefile.Pair{
		Source:             sourceIdentity + "\x00" + e.from.Strip + "\x00" + e.from.List,
		Destination:        destinationIdentity + "\x00" + e.to.Strip,
		SourceAddress:      e.job.Source.Address(),
		DestinationAddress: e.job.Destination.Address(),
	}
	theirs, known, err := e.state.Pair(ctx)
	if err != nil || known && theirs.Source == ours.Source && theirs.Destination == ours.Destination {
		return err
	}
	if known {
		switch empty, err := e.holdsNothing(ctx); {
		case err != nil:
			return err
		case !empty:
			return e.otherPair(theirs, ours)
		}
		return e.take(ctx, ours) // such as after a run whose location was mistyped
	}
	if theirs, known, err = e.pairOfRuns(ctx); err != nil {
		return err
	}
	if known && (theirs.SourceAddress != ours.SourceAddress || theirs.DestinationAddress != ours.DestinationAddress) {
		return e.otherPair(theirs, ours)
	}
	return e.take(ctx, ours)
}

// take makes the state that of the pair, unless it is open for reading only.
func (e *Engine) take(ctx context.Context, ours statefile.Pair) error {
	if e.state.ReadOnly() {
		return nil
	}
	return e.state.SetPair(ctx, ours)
}

// holdsNothing says whether the state has neither a record nor an upload, nor a task that a killed
// run may have been at, which is a record once the next run begins.
func (e *Engine) holdsNothing(ctx context.Context) (bool, error) {
	for _, err := range e.journal.Scan(ctx) {
		return false, err
	}
	uploads, err := e.journal.Uploads(ctx)
	if err != nil || len(uploads) > 0 || e.state.ReadOnly() && !e.state.Upgraded() {
		return len(uploads) == 0, err
	}
	queue, err := queuesqlite.New(e.state)
	if err != nil {
		return false, err
	}
	for _, err := range queue.HandedOut(ctx) {
		return false, err
	}
	return true, nil
}

// pairOfRuns returns the locations that a state of an older dth is of: those of its runs,
// where they agree.
func (e *Engine) pairOfRuns(ctx context.Context) (pair statefile.Pair, known bool, err error) {
	runs, err := e.journal.Runs(ctx)
	if err != nil || len(runs) == 0 {
		return pair, false, err
	}
	pair = statefile.Pair{SourceAddress: runs[0].Source, DestinationAddress: runs[0].Destination}
	for _, run := range runs {
		if run.Source != pair.SourceAddress || run.Destination != pair.DestinationAddress {
			return statefile.Pair{}, false, nil
		}
	}
	return pair, true, nil
}

// otherPair refuses a state of other locations.
func (e *Engine) otherPair(theirs, ours statefile.Pair) error {
	what := fmt.Sprintf("state directory %s is of %s -> %s, not of %s -> %s",
		e.state.Dir(), theirs.SourceAddress, theirs.DestinationAddress, ours.SourceAddress, ours.DestinationAddress)
	if theirs.SourceAddress == ours.SourceAddress && theirs.DestinationAddress == ours.DestinationAddress {
		what += ", which are at another endpoint"
	}
	do := "each pair of locations has a state of its own: choose another directory with --state DIR"
	if e.job.Settings.State != "" {
		do += ", or leave --state out"
	}
	return &job.Error{What: what, Do: do, Usage: true}
}
