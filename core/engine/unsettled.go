package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/transfer"
)

// unsettledSince returns the time from which on objects may have been written to the
// destination of which no worker could tell: since the first of the runs, up to this one, that
// each left something without an outcome. It is zero where the last run was settled.
func (e *Engine) unsettledSince(ctx context.Context) (since time.Time, err error) {
	runs, err := e.fleet.Journal.Runs(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for _, run := range runs { // newest first
		if run.ID == e.copier.Run {
			continue
		}
		settled, err := e.isSettled(ctx, run)
		if err != nil || settled {
			return since, err
		}
		since = run.Started.Add(-transfer.MostSkew)
	}
	return since, nil
}

// isSettled says that all is known to have an outcome that a run sent.
func (e *Engine) isSettled(ctx context.Context, run journal.Run) (bool, error) {
	if len(run.Report) == 0 {
		return false, nil // its finder was killed
	}
	var report observe.Report
	if err := json.Unmarshal(run.Report, &report); err != nil {
		return false, fmt.Errorf("report of run %s: %w", run.ID, err)
	}
	sent := report.Objects
	if sent.Planned == 0 {
		return true, nil
	}
	total, err := e.fleet.Journal.Total(ctx, run.ID)
	// What the finder decided by itself is in the total, and was not planned.
	return total.Settled() >= sent.Planned+sent.Failed+sent.Skipped, err
}
