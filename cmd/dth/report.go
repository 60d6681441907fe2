package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
)

// writeJSON writes one indented JSON document.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeReport tells a report to people. Its last line says what the destination keeps
// beyond the source, where that is known.
func writeReport(w io.Writer, report *observe.Report) error {
	writeLists(w, report)
	return writeFigures(w, report)
}

// writeLists tells what is to be known of single objects, and warnings.
func writeLists(w io.Writer, report *observe.Report) {
	for _, warning := range report.Warnings {
		fmt.Fprintf(w, "warning: %s\n", printableText(warning))
	}
	writeAdapted(w, report)
	writeVanished(w, report)
	for _, left := range report.UploadsLeft {
		fmt.Fprintf(w, "upload of %s left open at the destination: %s\n", objectName(report, left.Key), printableText(left.Reason))
	}
	for _, problem := range report.Problems {
		fmt.Fprintf(w, "%s %s: %s\n", problem.Outcome, objectName(report, problem.Key), printableText(cmp.Or(problem.Error, "the run ended before it was known what came of it")))
	}
	o := report.Objects
	if more := o.Failed + o.Skipped - int64(len(report.Problems)); more > 0 && len(report.Problems) > 0 {
		fmt.Fprintf(w, "and %s more: dth status %s lists all\n", humanize.Comma(more), report.Run)
	}
}

// writeFigures tells what the run did in all.
func writeFigures(w io.Writer, report *observe.Report) error {
	o := report.Objects
	took := report.Finished.Sub(report.Started)
	fmt.Fprintf(w, "run %s %s in %s: %s -> %s\n", report.Run, report.State, took.Round(time.Millisecond), report.Source, report.Destination)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, format string, values ...any) {
		fmt.Fprintf(table, "  %s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	// Single keys are listed, too, when one object is copied or those of a run are tried again.
	listed := !report.Unlisted && report.Requests.Destination["list"] > 0
	if listed {
		line("listed", "%s at the source, %s at the destination", count(o.ListedSource), count(o.ListedDestination))
		line("equal", "%s", count(o.Equal))
	}
	line("copied", "%s of %s, %s at %s/s%s", count(o.Copied), count(o.Planned), bytesText(report.Bytes.Copied),
		bytesText(perSecond(report.Bytes.Moved, took)), resumed(report.Bytes.Resumed))
	line("evidence", "%s both ends, %s one end, %s size only",
		count(report.Evidence.BothEnds), count(report.Evidence.OneEnd), count(report.Evidence.SizeOnly))
	line("failed", "%s", count(o.Failed))
	line("skipped", "%s", count(o.Skipped))
	if o.Archived > 0 {
		line("archived", "%s of the skipped, which the source must restore first", count(o.Archived))
	}
	if o.Unmappable > 0 {
		line("unmappable", "%s of the failed and skipped, which the destination cannot hold", count(o.Unmappable))
	}
	if o.Adapted > 0 {
		line("adapted", "%s copied with another key or other metadata, tags or class", count(o.Adapted))
	}
	if o.Vanished > 0 {
		line("vanished", "%s deleted at the source before they were copied", count(o.Vanished))
	}
	if o.Replanned > 0 {
		line("re-planned", "%s changed at the source while they were copied", count(o.Replanned))
	}
	if o.Deleted > 0 {
		line("deleted", "%s that only the destination had", count(o.Deleted))
	}
	line("requests", "source %s; destination %s", requestsText(report.Requests.Source), requestsText(report.Requests.Destination))
	if err := table.Flush(); err != nil {
		return err
	}
	if !listed || report.State == journal.StateInterrupted {
		return nil // how many extra objects there are is not known
	}
	_, err := fmt.Fprintln(w, extraText(o.Extra-o.Deleted, report.Delete))
	return err
}

// objectName names an object of a report: by its key below the source, or by the source
// where that is the object's whole key.
func objectName(report *observe.Report, key string) string {
	if key == "" {
		key = report.Source
	}
	return printable(key)
}

// writeVanished lists what was gone from the source before it was copied.
func writeVanished(w io.Writer, report *observe.Report) {
	for _, key := range report.Vanished {
		fmt.Fprintf(w, "vanished %s: deleted at the source before it was copied\n", objectName(report, key))
	}
	if more := report.Objects.Vanished - int64(len(report.Vanished)); more > 0 && len(report.Vanished) > 0 {
		fmt.Fprintf(w, "and %s more vanished: dth status %s lists all\n", humanize.Comma(more), report.Run)
	}
}

// writeAdapted lists what was copied otherwise than it is at the source.
func writeAdapted(w io.Writer, report *observe.Report) {
	for _, adapted := range report.Adapted {
		fmt.Fprintf(w, "adapted %s: %s\n", objectName(report, adapted.Key), printableText(adaptedText(adapted)))
	}
	if more := report.Objects.Adapted - int64(len(report.Adapted)); more > 0 && len(report.Adapted) > 0 {
		fmt.Fprintf(w, "and %s more adapted: dth status %s lists all\n", humanize.Comma(more), report.Run)
	}
}

// adaptedText says how an object was copied otherwise than it is at the source.
func adaptedText(adapted observe.Adaptation) string {
	changes := adapted.Changes
	if adapted.Written != "" {
		changes = append([]string{"key written as " + printable(adapted.Written)}, changes...)
	}
	return strings.Join(changes, "; ")
}

// extraText says how many objects only the destination has, and how they are removed
// unless that was asked for.
func extraText(extra int64, asked bool) string {
	text, how := fmt.Sprintf("the destination keeps %s extra objects that the source does not have", count(extra)), " (--delete removes them)"
	switch {
	case extra <= 0:
		return "the destination keeps no extra objects"
	case extra == 1:
		text, how = "the destination keeps 1 extra object that the source does not have", " (--delete removes it)"
	}
	if asked {
		return text
	}
	return text + how
}

func count(n int64) string { return humanize.Comma(n) }

func resumed(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s taken over from an interrupted run)", bytesText(bytes))
}

func perSecond(bytes int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(bytes) / took.Seconds())
}

// requestsText tells requests by operation.
func requestsText(requests map[string]int64) string {
	if len(requests) == 0 {
		return "none"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		parts = append(parts, name+" "+count(requests[name]))
	}
	return strings.Join(parts, ", ")
}

// printable returns a key or value as it can be shown in one line of a terminal,
// quoted only where it must be.
func printable(text string) string {
	quoted := fmt.Sprintf("%q", text)
	if text != "" && quoted[1:len(quoted)-1] == text && !strings.HasPrefix(text, " ") && !strings.HasSuffix(text, " ") {
		return text
	}
	return quoted
}

// printableText returns a sentence without characters that would steer a terminal.
func printableText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
