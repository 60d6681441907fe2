package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	Machine  string     `json:"machine"`
	Runs     []result   `json:"runs"`
	Boundary []crossing `json:"boundary,omitempty"`
	Fleet    []fleetRun `json:"fleet,omitempty"`
	Vendors  []passage  `json:"vendors,omitempty"`
}

// row is all runs of one contender on one workload.
type row []result

// rows groups the runs, in the order in which they were first made.
func (r report) rows() []row {
	var rows []row
	for _, run := range r.Runs {
		at := slices.IndexFunc(rows, func(known row) bool {
			return known[0].Workload == run.Workload && known[0].Contender == run.Contender
		})
		if at < 0 {
			rows = append(rows, row{run})
		} else {
			rows[at] = append(rows[at], run)
		}
	}
	return rows
}

// spread returns the median, least and most of a figure.
func (r row) spread(figure func(result) float64) (median, least, most float64) {
	values := make([]float64, len(r))
	for i, run := range r {
		values[i] = figure(run)
	}
	return medianOf(values)
}

func medianOf(values []float64) (median, least, most float64) {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	median = sorted[half]
	if len(sorted)%2 == 0 {
		median = (sorted[half-1] + sorted[half]) / 2
	}
	return median, sorted[0], sorted[len(sorted)-1]
}

func cpuPerObject(r result) float64 { return r.CPU / float64(r.Objects) * 1e6 }
func objectRate(r result) float64   { return float64(r.Objects) / r.Seconds }
func cpuPerGB(r result) float64     { return r.CPU / float64(r.Bytes) * 1e9 }
func seconds(r result) float64      { return r.Seconds }
func hostPeak(r result) float64     { return float64(r.HostPeak) / (1 << 20) }
func pluginShare(r result) float64  { return r.PluginCPU / r.CPU * 100 }
func pluginPeak(r result) float64 {
	if len(r.PluginPeaks) == 0 {
		return 0
	}
	return float64(slices.Max(r.PluginPeaks)) / (1 << 20)
}

// print writes the table: medians, with the spread of CPU, and what dth takes of
// each contender's CPU.
func (r report) print(to io.Writer) {
	fmt.Fprintf(to, "\n%s. CPU is user and system of the process and its children; the stores' is not counted.\n\n", r.Machine)
	rows := r.rows()
	if len(rows) > 0 {
		printRows(to, rows)
	}
	r.printBars(to, rows)
	printFleet(to, r.Fleet)
	printPassages(to, r.Vendors)
}

func printRows(to io.Writer, rows []row) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "workload\tcontender\truns\tCPU µs/object\t(spread)\tobjects/s\tCPU s/GB\twall s\tpeak MiB\tplugin MiB\tplugins' CPU\trequests\tdth takes\t")
	for _, row := range rows {
		first := row[0]
		cpu, least, most := row.spread(cpuPerObject)
		rate, _, _ := row.spread(objectRate)
		wall, _, _ := row.spread(seconds)
		peak, _, mostPeak := row.spread(hostPeak)
		fmt.Fprintf(table, "%d × %s\t%s\t%d\t%.0f\t%.0f–%.0f\t%.0f\t%s\t%.1f\t%.0f\t%s\t%s\t%d\t%s\t\n",
			first.Objects, first.Workload, first.Contender, len(row), cpu, least, most, rate, perGB(row), wall,
			max(peak, mostPeak), ifAny(row, pluginPeak, "%.0f"), ifAny(row, pluginShare, "%.0f %%"), first.Requests, ratio(rows, row))
	}
	table.Flush()
	printSettings(to, rows)
}

func perGB(r row) string {
	if r[0].Compare {
		return ""
	}
	median, _, _ := r.spread(cpuPerGB)
	return fmt.Sprintf("%.2f", median)
}

// ifAny formats a figure that only contenders with plugins have.
func ifAny(r row, figure func(result) float64, format string) string {
	_, _, most := r.spread(figure)
	if most == 0 {
		return ""
	}
	return fmt.Sprintf(format, most)
}

// ratio says how much of a contender's CPU dth takes for the same work.
func ratio(rows []row, of row) string {
	ours := find(rows, of[0].Workload, "dth")
	if ours == nil || of[0].Contender == "dth" {
		return ""
	}
	mine, _, _ := ours.spread(cpuPerObject)
	theirs, _, _ := of.spread(cpuPerObject)
	return fmt.Sprintf("%.2f of it", mine/theirs)
}

func find(rows []row, workload, contender string) row {
	for _, row := range rows {
		if row[0].Workload == workload && row[0].Contender == contender {
			return row
		}
	}
	return nil
}

func printSettings(to io.Writer, rows []row) {
	fmt.Fprintln(to)
	var told []string
	for _, row := range rows {
		line := fmt.Sprintf("%s: %s", row[0].Contender, row[0].Settings)
		if row[0].Settings != "" && !slices.Contains(told, line) {
			told = append(told, line)
			fmt.Fprintln(to, line)
		}
	}
}

// printBars compares with what dth promises.
func (r report) printBars(to io.Writer, rows []row) {
	fmt.Fprintln(to)
	for _, bar := range []struct {
		name, workload string
		most           float64
	}{
		{"CPU per 4 KiB object, of rclone's", "4KiB", 1.0 / 3},
		{"CPU per GB of 1 GiB objects, of rclone's", "1GiB", 1.0 / 2},
	} {
		ours, theirs := find(rows, bar.workload, "dth"), find(rows, bar.workload, "rclone")
		if ours == nil || theirs == nil {
			continue
		}
		mine, _, _ := ours.spread(cpuPerObject)
		peer, _, _ := theirs.spread(cpuPerObject)
		fmt.Fprintf(to, "%s  %s: %.2f (bar: %.2f)\n", verdict(mine/peer <= bar.most), bar.name, mine/peer, bar.most)
	}
	if len(r.Boundary) == 0 {
		return
	}
	const most = 20
	var added []float64
	var pairs []string
	for _, c := range r.Boundary {
		added = append(added, c.Added)
		pairs = append(pairs, fmt.Sprintf("%.1f", c.Added))
	}
	median, _, _ := medianOf(added)
	fmt.Fprintf(to, "%s  the process boundary adds %.1f µs of CPU to a 4 KiB object (bar: %d); pairs: %s\n",
		verdict(median <= most), median, most, strings.Join(pairs, ", "))
}

func verdict(kept bool) string { return cmp.Or(map[bool]string{true: "kept  "}[kept], "MISSED") }
