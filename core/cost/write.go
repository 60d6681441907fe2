package cost

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Write prints the estimate as a table for people, as UTF-8 text of lines.
func (e Estimate) Write(w io.Writer) error {
	const row = "%-28s%12s%14s\n"
	var text strings.Builder
	fmt.Fprintf(&text, row, e.Currency, "a month", "a TB copied")
	for _, line := range append(slices.Clone(e.Lines), Line{"total", e.Monthly(), e.PerTB()}) {
		fmt.Fprintf(&text, row, line.Name, money(line.Monthly), money(line.PerTB))
	}
	fmt.Fprintf(&text, "\n%s\n", e.Prices)
	for _, assumption := range e.Assumptions {
		fmt.Fprintf(&text, "- %s\n", assumption)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// money writes an amount with two decimals, and less than that as such.
func money(amount float64) string {
	switch {
	case amount == 0:
		return "-"
	case amount < 0.01:
		return "<0.01"
	}
	return strconv.FormatFloat(amount, 'f', 2, 64)
}

// origin says how old the prices are that the bill used.
func (b *bill) origin() string {
	var days []string
	own := false
	for name := range b.used {
		g := b.region.groups[name]
		own = own || g.own
		if g.date != "" {
			days = append(days, g.date)
		}
	}
	text := "Prices of " + b.name
	if len(days) > 0 {
		text += " as of " + slices.Min(days)
		if newest := slices.Max(days); newest != slices.Min(days) {
			text += " to " + newest
		}
	}
	if own {
		text += ", some of your own"
	}
	return text + "."
}

// assumptions says in words what the numbers rest on.
func (b *bill) assumptions(wanted Plan, w work, rate float64) []string {
	second := w.hours * time.Hour.Seconds()
	all := []string{
		fmt.Sprintf("1 TB is 10^12 bytes, here %d objects of %s.", wanted.ObjectsPerTB, size(w.size)),
		fmt.Sprintf("A worker copies %.0f MB or %.4g objects a second, bound by %s: %s has %g Gbit/s without burst, "+
			"and 700 small objects a second are an assumption about latency (docs/scale.md, Hours).",
			TB/second/1e6, float64(wanted.ObjectsPerTB)/second, w.bound, wanted.WorkerType, rate/1000),
		fmt.Sprintf("%s of one worker for a TB, or %s with %d.", span(w.hours), span(w.hours/float64(wanted.Workers)), wanted.Workers),
		"Requests to SQS and DynamoDB, and CPU, are as measured on 25 November 2026 (docs/scale.md, Measured).",
		"Both stores are Amazon S3 at prices of this region; requests to another store cost what its vendor asks.",
	}
	if more := wanted.Workers - wanted.MinWorkers; more > 0 {
		hour := b.instance(wanted.WorkerType, wanted.SpotPercent, WorkerDisk, wanted.NAT)
		all = append(all, fmt.Sprintf("Workers go %d minutes after the last message: %s more each time, for %d.",
			IdleMinutes, money(float64(more)*IdleMinutes/60*hour), more))
	}
	if wanted.Giants && !w.giant {
		all = append(all, "Objects of this size are no giants: Step Functions watches from 1 GiB.")
	}
	if wanted.SpotPercent > 0 {
		all = append(all, fmt.Sprintf("Spot costs %g of the price on demand, which differs by hour and place.", b.price("spot", "fraction")))
	}
	if !wanted.Events {
		all = append(all, fmt.Sprintf("Each further comparison lists both sides: %s a million keys.", money(2*million/keysPerPage/million*b.price("s3", "put"))))
	}
	if !wanted.InternetOut && wanted.SourceRegion+wanted.DestinationRegion == "" {
		all = append(all, fmt.Sprintf("Transfer is within one region; to another it is %s a TB more.", money(billedGB*b.price("transfer", "region"))))
	}
	if wanted.SourceRegion != "" && !b.sourceKnown {
		all = append(all, fmt.Sprintf("Left out: transfer from %s to %s, whose price there is not known.", wanted.SourceRegion, wanted.Region))
	}
	if wanted.NAT {
		all = append(all, fmt.Sprintf("One side goes through one NAT gateway. The other does not if there is a gateway endpoint of Amazon S3 and its bucket is in this region; "+
			"else it is %s a TB more.", money(billedGB*b.price("nat", "gb"))))
	}
	return append(all, "Left out: storage of the objects, Lambda and SNS (cents), free tiers, discounts and taxes.")
}

// span writes hours, or minutes where they are few.
func span(hours float64) string {
	if hours < 2 {
		return fmt.Sprintf("%.0f minutes", hours*60)
	}
	return fmt.Sprintf("%.1f hours", hours)
}

// size writes a number of bytes in decimal units.
func size(bytes float64) string {
	units := []string{"bytes", "KB", "MB", "GB", "TB"}
	unit := 0
	for bytes >= 1000 && unit < len(units)-1 {
		bytes /= 1000
		unit++
	}
	return strconv.FormatFloat(bytes, 'g', 4, 64) + " " + units[unit]
}
