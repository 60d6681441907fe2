package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// vendorBar is how much CPU an object may take of s3compat's. Kodo's figure is
// only stated: it asks for more requests an object.
const vendorBar = 1.3

// printPassages writes one row for each vendor and direction: medians, and what the
// vendor's plugin takes of s3compat's CPU, pair by pair.
func printPassages(to io.Writer, passages []passage) {
	if len(passages) == 0 {
		return
	}
	fmt.Fprintf(to, "\n%d × 4 KiB with a vendor's plugin at one end, %d pairs with s3compat in its place; the CPU of stores and emulators is not counted.\n"+
		"What a run over no objects takes, the start, is taken off the CPU per object.\n\n", passages[0].Vendor.Run.Objects, vendorPairs)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "vendor\tCPU µs/object\t(spread)\ts3compat's\tratio\t(spread)\tstart ms\ts3compat's\tobjects/s\tvendor's requests/object\t")
	for rest := passages; len(rest) > 0; rest = rest[vendorPairs:] {
		pairs := rest[:vendorPairs]
		cpu, least, most := spread(pairs, func(p passage) float64 { return p.Vendor.perObject() })
		yardstick, _, _ := spread(pairs, func(p passage) float64 { return p.S3compat.perObject() })
		ratio, leastRatio, mostRatio := spread(pairs, passage.ratio)
		rate, _, _ := spread(pairs, func(p passage) float64 { return objectRate(p.Vendor.Run) })
		start, _, _ := spread(pairs, func(p passage) float64 { return p.Vendor.Empty.CPU * 1e3 })
		theirStart, _, _ := spread(pairs, func(p passage) float64 { return p.S3compat.Empty.CPU * 1e3 })
		fmt.Fprintf(table, "%s\t%.0f\t%.0f–%.0f\t%.0f\t%.2f\t%.2f–%.2f\t%.0f\t%.0f\t%.0f\t%s\t\n", pairs[0].Name, cpu, least, most, yardstick,
			ratio, leastRatio, mostRatio, start, theirStart, rate, pairs[0].requests())
	}
	table.Flush()
	fmt.Fprintln(to)
	for rest := passages; len(rest) > 0; rest = rest[vendorPairs:] {
		printVendorBar(to, rest[:vendorPairs])
	}
}

func printVendorBar(to io.Writer, pairs []passage) {
	ratio, _, _ := spread(pairs, passage.ratio)
	if strings.HasSuffix(pairs[0].Name, "kodo") {
		fmt.Fprintf(to, "stated  CPU per 4 KiB object %s, of s3compat's: %.2f, at %.2f requests an object\n", pairs[0].Name, ratio, pairs[0].total())
		return
	}
	fmt.Fprintf(to, "%s  CPU per 4 KiB object %s, of s3compat's: %.2f (bar: %.2f)\n", verdict(ratio <= vendorBar), pairs[0].Name, ratio, vendorBar)
}

// spread returns the median, least and most of a figure.
func spread(pairs []passage, figure func(passage) float64) (median, least, most float64) {
	values := make([]float64, len(pairs))
	for i, p := range pairs {
		values[i] = figure(p)
	}
	return medianOf(values)
}

// ratio is what an object takes of s3compat's CPU.
func (p passage) ratio() float64 { return p.Vendor.perObject() / p.S3compat.perObject() }

// perObject returns the CPU of one object, the start apart, in microseconds.
func (s sided) perObject() float64 {
	return (s.Run.CPU - s.Empty.CPU) / float64(s.Run.Objects) * 1e6
}

// total is the number of requests to the vendor per object.
func (p passage) total() float64 {
	sum := 0.0
	for _, count := range p.Requests {
		sum += count
	}
	return sum
}

// requests says how many requests to the vendor an object took, and which ones
// every object needs.
func (p passage) requests() string {
	var needed []string
	for _, op := range slices.Sorted(maps.Keys(p.Requests)) {
		if p.Requests[op] >= 0.9 {
			needed = append(needed, fmt.Sprintf("%s %.2f", op, p.Requests[op]))
		}
	}
	return fmt.Sprintf("%.2f (%s)", p.total(), strings.Join(needed, ", "))
}
