package main

import (
	"context"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/queue/sqs"
)

// dlqPurgeCommand removes letters.
type dlqPurgeCommand struct {
	chosenFlags
	Yes bool `help:"Do it: --all removes nothing without."`
	dlqFlags
}

// Run removes them for good. It asks nobody: scripts and people are told the same.
func (c *dlqPurgeCommand) Run(ctx context.Context, p *process) error {
	ids, err := c.chosen()
	if err != nil {
		return err
	}
	if c.All && !c.Yes {
		return &job.Error{What: "purge --all removes every letter for good", Do: "write --all --yes if that is meant", Usage: true}
	}
	return c.with(ctx, p, func(opened *sqs.Queue) error {
		n, err := opened.Purge(ctx, ids)
		return p.settled(n, "removed", err)
	})
}
