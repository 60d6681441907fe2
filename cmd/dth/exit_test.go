package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dth-dev/dth/core/engine"
)

// TestExitCodesOfAFinder: scripts tell by the code why a finder ended.
func TestExitCodesOfAFinder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want int
	}{
		"done":             {nil, exitDone},
		"lost objects":     {&engine.UnsettledError{Objects: 2}, exitIncomplete},
		"another finder":   {fmt.Errorf("round: %w", engine.ErrFinderRuns), exitRunning},
		"interrupted":      {&engine.ParkedError{Err: context.Canceled}, exitInterrupted},
		"queue not served": {errors.New("no answer"), exitSetup},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(test.err); got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}
