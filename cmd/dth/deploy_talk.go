package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/dth-dev/dth/core/deploy"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/host"
)

// canAsk says whether somebody is there to answer.
func (p *process) canAsk() bool { return isatty.IsTerminal(os.Stdin.Fd()) && isTerminal(p.stderr) }

// asking is an error where nobody can be asked.
func asking(p *process, yes bool) error {
	if yes || p.canAsk() {
		return nil
	}
	return &job.Error{What: "there is no terminal to ask on", Do: "write --yes if it may be done unasked (or --dry-run, to see what a deployment would be)", Usage: true}
}

// ask asks a question that takes yes or no; whatever is not yes is no.
func (p *process) ask(ctx context.Context, question string) (bool, error) {
	return askOn(ctx, os.Stdin, p.stderr, question)
}

func askOn(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	fmt.Fprint(out, question+" [y/N] ")
	answers := make(chan string, 1)
	go func() { // a terminal is read until somebody answers, whatever else happens
		line, _ := bufio.NewReader(in).ReadString('\n') // what ends without an answer is no
		answers <- line
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case line := <-answers:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		}
		return false, nil
	}
}

// checkOptions checks the options of both locations against what their plugins publish, as
// far as they are installed here: the machines of a fleet would find out too late.
func (p *process) checkOptions(ctx context.Context, resolved job.Job) error {
	installed := p.plugins(resolved.Settings, p.logger(resolved.Settings.LogLevel))
	manifests, _ := installed.Plugins() // one that cannot be used is none of these two, or missed below
	for _, location := range []job.Location{resolved.Source, resolved.Destination} {
		i := slices.IndexFunc(manifests, func(manifest host.Manifest) bool { return manifest.Name == location.Plugin })
		if i < 0 {
			continue
		}
		description, err := installed.Describe(ctx, manifests[i])
		if err != nil {
			return err
		}
		if err := job.CheckOptions(location, description); err != nil {
			return err
		}
	}
	return nil
}

// examine has everything looked at before anything is written, and shows how it is.
func (p *process) examine(ctx context.Context, cloud *deploy.Cloud, plan *deploy.Plan, createBucket bool) error {
	checks := cloud.Examine(ctx, plan, createBucket)
	if err := ctx.Err(); err != nil {
		return err
	}
	return showChecks(p.stdout, checks)
}

// showChecks shows how it is, and fails where something is missing.
func showChecks(w io.Writer, checks []deploy.Check) error {
	failed := 0
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, check := range checks {
		fmt.Fprintf(table, "%s\t%s\t%s\n", check.State, check.Name, printableText(check.Detail))
		if check.Do != "" {
			fmt.Fprintf(table, "\t\t-> %s\n", printableText(check.Do))
		}
		if check.State == deploy.Failed {
			failed++
		}
	}
	if err := table.Flush(); err != nil || failed == 0 {
		return err
	}
	return fmt.Errorf("%d of %d checks failed, and nothing was written: mend what \"->\" says and try again", failed, len(checks))
}

// showChanges shows what would become of each resource.
func showChanges(w io.Writer, proposal *deploy.Proposal) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACTION\tRESOURCE\tTYPE\tREPLACED")
	for _, change := range proposal.Changes {
		replaced := map[string]string{"True": "yes", "Conditional": "perhaps"}[change.Replacement]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", change.Action, change.Resource, change.Type, replaced)
	}
	_ = table.Flush() // as every line to a terminal
	fmt.Fprintf(w, "%d changes\n", len(proposal.Changes))
}

// tellEvent returns what tells the events of a stack: lines for people, records elsewhere.
func (p *process) tellEvent() func(deploy.Event) {
	if isTerminal(p.stderr) {
		return func(event deploy.Event) {
			fmt.Fprintf(p.stderr, "%s  %s\n", event.Time.Local().Format(time.TimeOnly), eventLine(event))
		}
	}
	logger := p.logger("info")
	return func(event deploy.Event) {
		arguments := []any{"status", event.Status, "resource", event.Resource, "type", event.Type, "at", event.Time.UTC().Format(time.RFC3339)}
		if event.Reason != "" {
			arguments = append(arguments, "reason", event.Reason)
		}
		if event.Failed() {
			logger.Error("stack", arguments...)
			return
		}
		logger.Info("stack", arguments...)
	}
}

// eventLine tells an event to people.
func eventLine(event deploy.Event) string {
	line := fmt.Sprintf("%-28s %s", event.Status, event.Resource)
	if event.Reason != "" {
		line += ": " + printableText(event.Reason)
	}
	return line
}

// explain says what to do after work on a stack ended before its time.
func (p *process) explain(err error, region, stack string) error {
	look := fmt.Sprintf("dth deploy status %s --stack-region %s", stack, region)
	var failed *deploy.FailedError
	var left *deploy.LeftError
	switch {
	case errors.As(err, &left): // by an interruption, say
		fmt.Fprintf(p.stderr, "dth: what was begun in the stack goes on by itself: %s\n", look)
	case !errors.As(err, &failed):
		fmt.Fprintf(p.stderr, "dth: nothing is known to have begun in the stack: %s\n", look)
	case failed.Status == "ROLLBACK_COMPLETE":
		fmt.Fprintf(p.stderr, "dth: mend that, then: dth deploy delete %s --stack-region %s, and deploy again\n", stack, region)
	case failed.Status == "DELETE_FAILED":
		fmt.Fprintf(p.stderr, "dth: the rest of the stack is gone: mend that, and delete it again; %s shows how it is\n", look)
	case failed.Status == "ROLLBACK_FAILED":
		fmt.Fprintf(p.stderr, "dth: parts of the stack are left: mend that, then: dth deploy delete %s --stack-region %s, and deploy again\n", stack, region)
	case failed.Status == "UPDATE_ROLLBACK_FAILED":
		fmt.Fprintf(p.stderr, "dth: the stack is neither as it was nor as it should be: mend that, then: aws cloudformation continue-update-rollback --region %s --stack-name %s\n", region, stack)
	case failed.Status == "UPDATE_ROLLBACK_COMPLETE":
		fmt.Fprintf(p.stderr, "dth: the stack is as it was before: mend that, and deploy again; %s shows how it is\n", look)
	default:
		fmt.Fprintf(p.stderr, "dth: see how the stack is: %s\n", look)
	}
	return err
}

// afterwards says where to look, and what to do next.
func (p *process) afterwards(ctx context.Context, cloud *deploy.Cloud, stack string) error {
	status, err := cloud.Status(ctx, stack)
	if err != nil {
		return err
	}
	w := p.stdout
	fmt.Fprintf(w, "stack %s is %s\n", status.Stack, status.State)
	if status.Dashboard != "" {
		fmt.Fprintf(w, "dashboard: %s\n", status.Dashboard)
	}
	out := status.Outputs
	fmt.Fprintf(w, "\nnext:\n")
	fmt.Fprintf(w, "  confirm the subscription in the e-mail to %s, or no alarm is heard\n", status.Parameters["alarmEmail"])
	fmt.Fprintf(w, "  dth deploy status %s --stack-region %s\n", status.Stack, cloud.Region)
	fmt.Fprintf(w, "  dth deploy logs %s --stack-region %s --follow\n", status.Stack, cloud.Region)
	_, err = fmt.Fprintf(w, "  AWS_REGION=%s dth status --objects-table %s --parts-table %s\n  AWS_REGION=%s dth dlq list --queue %s --priority-queue %s --dead-letter-queue %s\n",
		cloud.Region, out["TableName"], out["SplitPartTableName"], cloud.Region, out["QueueUrl"], out["PriorityQueueUrl"], out["DeadLetterQueueUrl"])
	return err
}
