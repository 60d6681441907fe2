package main

import (
	"context"
	"fmt"
)

// deployDeleteCommand deletes the stack of a fleet.
type deployDeleteCommand struct {
	stackArgument
	Yes bool `help:"Delete it without asking. Without a terminal it must be given."`
}

// Run says what is lost, asks, deletes, and says what remains.
func (c *deployDeleteCommand) Run(ctx context.Context, p *process) error {
	if err := asking(p, c.Yes); err != nil {
		return err
	}
	cloud, status, err := c.find(ctx, p)
	if err != nil {
		return err
	}
	if err := status.Ours(); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "stack %s in %s is %s: its machines, queues, tables and logs go with it\n", status.Stack, cloud.Region, status.State)
	if queued := status.Queued(); queued > 0 {
		fmt.Fprintf(p.stdout, "about %s messages are queued or with workers, and will be lost: the next comparison finds the objects again\n", count(queued))
	}
	if !c.Yes {
		gone, err := p.ask(ctx, fmt.Sprintf("Delete stack %s, %s?", status.Stack, cloud.Region))
		if err != nil || !gone {
			fmt.Fprintln(p.stdout, "nothing was changed")
			return err
		}
	}
	if err := cloud.Delete(ctx, status, p.tellEvent()); err != nil {
		return p.explain(err, cloud.Region, status.Stack)
	}
	fmt.Fprintf(p.stdout, "stack %s is gone. What remains:\n", status.Stack)
	for _, line := range status.Remains() {
		fmt.Fprintln(p.stdout, "  "+printableText(line))
	}
	return nil
}
