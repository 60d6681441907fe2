package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/dth-dev/dth/core/queue/sqs"
)

// dlqListCommand lists the dead-letter queue.
type dlqListCommand struct {
	dlqFlags
	JSON bool `name:"json" help:"Print as JSON, each letter whole."`
}

// Run lists the letters, oldest first.
func (c *dlqListCommand) Run(ctx context.Context, p *process) error {
	return c.with(ctx, p, func(opened *sqs.Queue) error {
		shown := []shownLetter{}
		for letter, err := range opened.DeadLetters(ctx) {
			if err != nil {
				return err
			}
			shown = append(shown, showLetter(letter))
		}
		slices.SortStableFunc(shown, func(a, b shownLetter) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
		})
		if c.JSON {
			return writeJSON(p.stdout, shown)
		}
		if len(shown) == 0 {
			return p.tellNoLetters(ctx, opened)
		}
		table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSINCE\tKIND\tWHAT\tATTEMPTS\tREASON")
		for _, letter := range shown {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(letter.ID), letter.Since.UTC().Format(time.DateTime), letter.Kind,
				letter.What, attemptsText(letter.attempts()), printableText(letter.Reason))
		}
		return table.Flush()
	})
}

// tellNoLetters says that there are none, or that others hide them.
func (p *process) tellNoLetters(ctx context.Context, opened *sqs.Queue) error {
	depth, err := opened.DeadDepth(ctx)
	if err != nil {
		return err
	}
	if depth.Held > 0 {
		_, err = fmt.Fprintf(p.stdout, "no letter can be seen: about %s are hidden while another command looks at them, for two minutes at most after that was killed\n", count(depth.Held))
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "the dead-letter queue is empty")
	return err
}

func attemptsText(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
