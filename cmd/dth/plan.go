package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
)

// planCommand says what sync would do.
type planCommand struct {
	Source      string `arg:"" help:"Location to read, or @NAME for a job of dth.yaml, or @all for all of them."`
	Destination string `arg:"" optional:"" help:"Location that sync would write."`
	ExitCode    bool   `help:"Exit with 5 when there is something to copy or to delete, or a guard would stop sync."`

	locationFlags
	deleteFlags
	compareFlags
	serverSideFlags
	fitFlags
	stateFlags
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run compares both sides of each job.
func (c *planCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(c.locationFlags)
	if err != nil {
		return err
	}
	jobs, err := targets(in, c.Source, c.Destination)
	if err != nil {
		return err
	}
	return p.eachJob(jobs, func(resolved job.Job) error {
		var forecast engine.Forecast
		err := p.look(ctx, resolved, func(e *engine.Engine) (err error) {
			forecast, err = e.Plan(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if err := c.tell(p, resolved, forecast); err != nil {
			return err
		}
		if c.ExitCode && forecast.ToCopy()+forecast.Unmappable+forecast.Deletes > 0 || forecast.Guard != "" {
			return outcome(exitDifferent)
		}
		return nil
	})
}

func (c *planCommand) tell(p *process, resolved job.Job, f engine.Forecast) error {
	if c.JSON {
		return writeJSON(p.stdout, f)
	}
	for _, warning := range f.Warnings {
		fmt.Fprintf(p.stdout, "warning: %s\n", printableText(warning))
	}
	fmt.Fprintf(p.stdout, "%s -> %s\n", resolved.Source.Address(), resolved.Destination.Address())
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  listed\t%s at the source\n", count(f.Listed))
	fmt.Fprintf(table, "  equal\t%s\n", count(f.Equal))
	fmt.Fprintf(table, "  to copy\t%s new, %s changed, %s\n", count(f.New), count(f.Changed), bytesText(f.Bytes))
	fmt.Fprintf(table, "  unclear\t%s of equal size, for which sync would ask both stores for checksums\n", count(f.Unclear))
	fmt.Fprintf(table, "  impossible\t%s that the destination cannot hold\n", count(f.Unmappable))
	if f.Archived > 0 {
		fmt.Fprintf(table, "  archived\t%s of those to copy: sync copies the ones that were restored, and skips and lists the others\n", count(f.Archived))
	}
	if f.Encoded > 0 {
		fmt.Fprintf(table, "  encoded\t%s whose key the destination holds in another form\n", count(f.Encoded))
	}
	if f.ThroughHost == "" {
		fmt.Fprintf(table, "  way\tinside the store, no byte through this machine\n")
	} else {
		fmt.Fprintf(table, "  way\tthrough this machine: %s\n", f.ThroughHost)
	}
	fmt.Fprintf(table, "  requests\t%s to the source, %s to the destination, beside listings\n", count(f.Requests.Source), count(f.Requests.Destination))
	if err := table.Flush(); err != nil {
		return err
	}
	text := extraText(f.Extra, false)
	switch {
	case f.Guard != "":
		text = fmt.Sprintf("sync would delete nothing: %s", printableText(f.Guard))
	case f.Deletes == 1:
		text = "sync would delete 1 object that only the destination has"
	case f.Deletes > 1:
		text = fmt.Sprintf("sync would delete %s objects that only the destination has", count(f.Deletes))
	}
	if f.DeletesIf != "" {
		text += ", if " + printableText(f.DeletesIf)
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}
