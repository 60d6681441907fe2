package main

import (
	"context"
	"fmt"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
)

// verifyCommand compares both ends.
type verifyCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml, or @all for all of them."`
	Destination string `arg:"" optional:"" help:"Location to compare with."`
	Read        bool   `help:"Read every object from both ends and compare the bytes."`

	locationFlags
	unmappableFlags
	stateFlags
	JSON bool `name:"json" help:"Print as JSON."`
}

// verification is the answer as JSON.
type verification struct {
	engine.Verification
	Differences []engine.Difference `json:"differences"`
}

// Run verifies each job.
func (c *verifyCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	jobs, err := targets(in, c.Source, c.Destination)
	if err != nil {
		return err
	}
	return p.eachJob(jobs, func(resolved job.Job) error { return c.verify(ctx, p, resolved) })
}

func (c *verifyCommand) verify(ctx context.Context, p *process, resolved job.Job) error {
	answer := verification{Differences: []engine.Difference{}}
	err := p.look(ctx, resolved, func(e *engine.Engine) (err error) {
		answer.Verification, err = e.Verify(ctx, c.Read, func(difference engine.Difference) {
			if c.JSON {
				answer.Differences = append(answer.Differences, difference)
				return
			}
			fmt.Fprintf(p.stdout, "%s %s: %s\n", difference.Kind, printable(difference.Key), printableText(difference.Why))
		})
		return err
	})
	if err != nil {
		return err
	}
	found := answer.Verification
	if c.JSON {
		err = writeJSON(p.stdout, answer)
	} else {
		for _, warning := range found.Warnings {
			fmt.Fprintf(p.stdout, "warning: %s\n", printableText(warning))
		}
		_, err = fmt.Fprintf(p.stdout, "%s differences: %s missing, %s different, %s extra, %s unreadable; %s compared, %s equal by checksum, %s by the journal, %s by size only\n",
			count(found.Differences()), count(found.Missing), count(found.Different), count(found.Extra), count(found.Unreadable),
			count(found.Compared), count(found.ByChecksum), count(found.ByJournal), count(found.BySize))
	}
	if err != nil {
		return err
	}
	if found.Differences() > 0 {
		return outcome(exitDifferent)
	}
	return nil
}
