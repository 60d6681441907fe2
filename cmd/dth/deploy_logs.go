package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dth-dev/dth/core/deploy"
)

// deployLogsCommand shows the logs of a fleet.
type deployLogsCommand struct {
	stackArgument
	Finder bool          `help:"Those of finders alone."`
	Worker bool          `help:"Those of workers alone."`
	Since  time.Duration `placeholder:"TIME" default:"1h" help:"How far back to begin (default: 1h)."`
	Follow bool          `help:"Go on with what comes, until interrupted."`
}

// Run prints a line each: time, machine, text.
func (c *deployLogsCommand) Run(ctx context.Context, p *process) error {
	cloud, status, err := c.find(ctx, p)
	if err != nil {
		return err
	}
	groups, err := status.LogGroups(c.Finder, c.Worker)
	if err != nil {
		return err
	}
	return cloud.Logs(ctx, groups, time.Now().Add(-c.Since), c.Follow, func(line deploy.Line) error {
		_, err := fmt.Fprintf(p.stdout, "%s %s %s\n", line.Time.UTC().Format(time.RFC3339), line.Stream, printableText(strings.TrimRight(line.Text, "\n")))
		return err
	})
}
