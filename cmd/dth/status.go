package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/statefile"
)

// statusCommand shows runs.
type statusCommand struct {
	ID string `arg:"" optional:"" name:"run" help:"Run to show whole, with each object that failed, was skipped, vanished or was adapted."`

	stateFlags
	queueFlags
	tableFlags
	JSON bool `name:"json" help:"Print as JSON."`
}

// shownRun is one line of the list of runs.
type shownRun struct {
	Folder      string          `json:"folder,omitempty"` // of its state; empty for a fleet
	Run         string          `json:"run"`
	State       string          `json:"state"`
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Started     time.Time       `json:"started"`
	Finished    time.Time       `json:"finished,omitzero"`
	Report      json.RawMessage `json:"report,omitempty"`
}

// Run lists the runs, newest first, or shows one.
func (c *statusCommand) Run(ctx context.Context, p *process) error {
	in, err := p.input(locationFlags{})
	if err != nil {
		return err
	}
	settings, _, err := in.Settings()
	if err != nil {
		return err
	}
	if settings.State == "" && (settings.Fleet.ObjectsTable != "" || settings.Fleet.PartsTable != "") {
		return c.showFleet(ctx, p, settings)
	}
	folders, err := stateFolders(settings.State, p.getenv)
	if err != nil {
		return err
	}
	runs, err := readRuns(ctx, folders)
	if err != nil {
		return err
	}
	if c.ID != "" {
		return c.showRun(ctx, p, runs)
	}
	return c.list(p, runs)
}

// list lists runs.
func (c *statusCommand) list(p *process, runs []shownRun) error {
	if c.JSON {
		return writeJSON(p.stdout, runs)
	}
	if len(runs) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no runs yet")
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tSTATE\tSTARTED\tTOOK\tLOCATIONS")
	for _, run := range runs {
		took := "-"
		if !run.Finished.IsZero() {
			took = run.Finished.Sub(run.Started).Round(time.Second).String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s -> %s\n", run.Run, run.State, run.Started.Format(time.DateTime), took, run.Source, run.Destination)
	}
	return table.Flush()
}

// showRun shows the report of one run, then all its failures from the journal.
func (c *statusCommand) showRun(ctx context.Context, p *process, runs []shownRun) error {
	i := slices.IndexFunc(runs, func(run shownRun) bool { return run.Run == c.ID })
	if i < 0 {
		return engine.UnknownRun(c.ID)
	}
	run := runs[i]
	report, err := readReport(run.Report, observe.Report{
		Run: run.Run, Source: run.Source, Destination: run.Destination, Started: run.Started, Finished: run.Started, State: run.State,
	})
	if err != nil {
		return fmt.Errorf("report of run %s in %s: %w", run.Run, run.Folder, err)
	}
	err = withJournal(ctx, run.Folder, func(opened journal.Journal) error {
		return readObjects(ctx, opened, &report)
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(p.stdout, report)
	}
	if len(run.Report) == 0 {
		writeLists(p.stdout, &report)
		_, err := fmt.Fprintf(p.stdout, "run %s %s: %s -> %s\nit has no report: it is still running, or was killed\n", run.Run, run.State, run.Source, run.Destination)
		return err
	}
	return p.tellRun(&report)
}

// tellRun tells a run to people, and why it stopped if it did.
func (p *process) tellRun(report *observe.Report) error {
	if err := writeReport(p.stdout, report); err != nil || report.Error == "" {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "stopped: %s\n", printableText(strings.TrimPrefix(report.Error, "stopped ")))
	return err
}

// stateFolders returns the folder that was given, or all default ones.
func stateFolders(given string, getenv func(string) string) ([]string, error) {
	if given != "" {
		return []string{given}, nil
	}
	root, err := job.StateRoot(getenv)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, filepath.Join(root, entry.Name()))
		}
	}
	return folders, err
}

// readRuns returns the runs of all folders, newest first. A folder that no run
// has used yet has none.
func readRuns(ctx context.Context, folders []string) ([]shownRun, error) {
	shown := []shownRun{}
	for _, folder := range folders {
		err := withJournal(ctx, folder, func(opened journal.Journal) error {
			runs, err := opened.Runs(ctx)
			shown = append(shown, showRuns(folder, runs)...)
			return err
		})
		if err != nil && (len(folders) == 1 || !errors.Is(err, statefile.ErrNoState)) {
			return nil, err
		}
	}
	slices.SortStableFunc(shown, func(a, b shownRun) int { return strings.Compare(b.Run, a.Run) })
	return shown, nil
}

func showRuns(folder string, runs []journal.Run) []shownRun {
	shown := make([]shownRun, 0, len(runs))
	for _, run := range runs {
		shown = append(shown, shownRun{
			Folder: folder, Run: run.ID, State: run.State, Source: run.Source, Destination: run.Destination,
			Started: run.Started, Finished: run.Finished, Report: run.Report,
		})
	}
	return shown
}

// readObjects puts every object of the report's run into it that failed, was skipped, got
// no outcome or vanished, and every one that was copied otherwise than it is at the source.
func readObjects(ctx context.Context, from journal.Journal, report *observe.Report) error {
	report.Problems, report.Vanished, report.Adapted = nil, nil, nil
	for record, err := range from.Failures(ctx, report.Run) {
		switch {
		case err != nil:
			return err
		case record.Outcome == journal.OutcomeVanished:
			report.Vanished = append(report.Vanished, record.Key)
		default:
			report.Problems = append(report.Problems, observe.Problem{Key: record.Key, Outcome: record.Outcome, Error: record.Error})
		}
	}
	for record, err := range from.Adapted(ctx, report.Run) {
		if err != nil {
			return err
		}
		report.Adapted = append(report.Adapted, observe.Adaptation{Key: record.Key, Written: record.Written, Changes: record.Changes})
	}
	return nil
}

// withJournal opens the journal of a state folder for reading.
func withJournal(ctx context.Context, folder string, read func(journal.Journal) error) error {
	file, err := statefile.OpenReadOnly(ctx, folder)
	if err != nil {
		return err
	}
	return errors.Join(read(journalsqlite.New(file)), file.Close())
}
