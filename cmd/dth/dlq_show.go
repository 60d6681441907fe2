package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dth-dev/dth/core/queue/sqs"
)

// dlqShowCommand shows one letter whole.
type dlqShowCommand struct {
	ID string `arg:"" help:"Letter to show, as dth dlq list names it."`

	dlqFlags
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run shows the letter.
func (c *dlqShowCommand) Run(ctx context.Context, p *process) error {
	return c.with(ctx, p, func(opened *sqs.Queue) error {
		for letter, err := range opened.DeadLetters(ctx) {
			switch {
			case err != nil:
				return err
			case letter.ID != c.ID:
				continue
			case c.JSON:
				return writeJSON(p.stdout, showLetter(letter))
			}
			return writeLetter(p.stdout, showLetter(letter))
		}
		return noLetter(fmt.Errorf("letter %q %w", c.ID, sqs.ErrNoLetter))
	})
}

// writeLetter tells a letter to people.
func writeLetter(w io.Writer, letter shownLetter) error {
	fmt.Fprintf(w, "letter %s\n", printable(letter.ID))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "  %s\t%s\n", name, text)
		}
	}
	line("since", letter.Since.UTC().Format(time.RFC3339))
	line("kind", letter.Kind)
	line("run", printableText(letter.Run))
	line("reason", printableText(letter.Reason))
	if letter.Moved {
		line("moved by", "SQS, from the queue it was in")
	}
	for _, object := range letter.Objects {
		line("object", printable(object.Key))
		line("  asked", object.Asked)
		line("  version", versionText(object))
		line("  attempts", attemptsText(object.Attempts))
		line("  last failure", printableText(object.Failure))
	}
	for _, part := range letter.Parts {
		line("part", fmt.Sprintf("%d of %s", part.Number, printable(part.Upload)))
		line("  attempts", attemptsText(part.Attempts))
		line("  last failure", printableText(part.Failure))
	}
	for _, order := range letter.Orders {
		line("order", fmt.Sprintf("%s of %s", printable(order.Asked), printable(order.Upload)))
		line("  attempts", attemptsText(order.Attempts))
	}
	line("message", printableText(letter.Message))
	line("message, base64", letter.Binary)
	return table.Flush()
}

// versionText tells which version of an object was meant.
func versionText(object shownTask) string {
	text := bytesText(object.Size)
	for _, part := range []struct{ name, value string }{{"ETag", object.ETag}, {"version", object.Version}, {"sequencer", object.Sequencer}} {
		if part.value != "" {
			text += fmt.Sprintf(", %s %s", part.name, printable(part.value))
		}
	}
	return text
}
