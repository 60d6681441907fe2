package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/dth-dev/dth/core/deploy"
)

// stackArgument names a stack that is there.
type stackArgument struct {
	Name string `arg:"" name:"stack" help:"Name of the stack."`

	stackFlags
}

// find returns the region and how the stack in it is.
func (a *stackArgument) find(ctx context.Context, p *process) (*deploy.Cloud, deploy.Status, error) {
	in, err := p.input(locationFlags{})
	if err != nil {
		return nil, deploy.Status{}, err
	}
	settings, _, err := in.Settings()
	if err != nil {
		return nil, deploy.Status{}, err
	}
	cloud, err := deploy.Open(ctx, settings.Deploy.StackRegion)
	if err != nil {
		return nil, deploy.Status{}, err
	}
	status, err := cloud.Status(ctx, a.Name)
	return cloud, status, err
}

// deployStatusCommand shows how a stack is.
type deployStatusCommand struct {
	stackArgument
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run shows state, machines, queues and outputs.
func (c *deployStatusCommand) Run(ctx context.Context, p *process) error {
	_, status, err := c.find(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(p.stdout, status)
	}
	fmt.Fprintf(p.stdout, "stack %s in %s is %s\n", status.Stack, status.Region, status.State)
	if status.Reason != "" {
		fmt.Fprintln(p.stdout, printableText(status.Reason))
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, group := range status.Groups {
		fmt.Fprintf(table, "%s\t%d in service, %d wanted (%d to %d)\n", group.Name, group.InService, group.Desired, group.Least, group.Most)
	}
	for _, queue := range status.Queues {
		fmt.Fprintf(table, "%s\tabout %s messages\n", queue.Name, count(queue.Messages))
	}
	if status.Dashboard != "" {
		fmt.Fprintf(table, "dashboard\t%s\n", status.Dashboard)
	}
	for _, name := range slices.Sorted(maps.Keys(status.Outputs)) {
		fmt.Fprintf(table, "%s\t%s\n", name, status.Outputs[name])
	}
	return table.Flush()
}
