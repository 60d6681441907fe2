package main

import (
	"context"

	"github.com/dth-dev/dth/core/queue/sqs"
)

// dlqRedriveCommand sends letters back to the queues of their work.
type dlqRedriveCommand struct {
	chosenFlags
	dlqFlags
}

// Run sends them back, with no attempt counted.
func (c *dlqRedriveCommand) Run(ctx context.Context, p *process) error {
	ids, err := c.chosen()
	if err != nil {
		return err
	}
	return c.with(ctx, p, func(opened *sqs.Queue) error {
		n, err := opened.Redrive(ctx, ids)
		return p.settled(n, "sent back", err)
	})
}
