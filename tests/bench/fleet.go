package main

import (
	"context"
	"fmt"
	"io"

	"github.com/dth-dev/dth/tests/scale/trial"
)

// fleetPairs is how often dth alone and a fleet take turns.
const fleetPairs = 5

// fleetBar is how much more CPU a worker with its plugins may take for a 4 KiB object
// than dth alone, which also lists and compares.
const fleetBar = 150 // µs

// fleetRun is one pair of runs of the 4 KiB workload.
type fleetRun struct {
	Embedded result  `json:"embedded"`
	Worker   float64 `json:"worker_cpu_us_per_object"` // plugins and process starts included
	Finder   float64 `json:"finder_cpu_us_per_object"` // likewise
	Added    float64 `json:"added_cpu_us_per_object"`  // what the worker takes more than dth alone
	Rate     float64 `json:"worker_objects_per_second"`
	Peak     int64   `json:"worker_peak_bytes"`
	SQS      float64 `json:"sqs_requests_per_object"`
	Writes   float64 `json:"dynamodb_writes_per_object"`
	Reads    float64 `json:"dynamodb_reads_per_object"`
}

// fleet measures one worker of a fleet beside dth alone.
func (b *bench) fleet(ctx context.Context) ([]fleetRun, error) {
	w := workloads(b.quick)[0]
	if !b.only.MatchString("fleet") {
		return nil, nil
	}
	pair, err := b.startStores(ctx, w)
	if err != nil {
		return nil, err
	}
	defer pair.stop()
	if err := trial.Build(ctx, ".", b.dir); err != nil {
		return nil, err
	}
	var runs []fleetRun
	for turn := range fleetPairs {
		fmt.Printf("==> fleet, pair %d of %d\n", turn+1, fleetPairs)
		run, err := b.fleetPair(ctx, w, pair)
		if err != nil {
			return nil, fmt.Errorf("fleet: %w", err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (b *bench) fleetPair(ctx context.Context, w workload, pair *stores) (fleetRun, error) {
	embedded, err := b.measure(ctx, w, contender{name: "dth", command: dth}, pair)
	if err != nil {
		return fleetRun{}, err
	}
	r, err := trial.Run(ctx, trial.Config{Bin: "bin", Tools: b.dir, Objects: w.count, Size: w.size})
	if err != nil {
		return fleetRun{}, err
	}
	if r.Copied != w.count {
		return fleetRun{}, fmt.Errorf("the destination has %d objects, not %d", r.Copied, w.count)
	}
	each := func(sum float64) float64 { return sum / float64(w.count) }
	objects := r.Done.Tables["objects"]
	run := fleetRun{
		Embedded: embedded, Worker: each(r.Worker.CPU.Seconds() * 1e6), Finder: each(r.Finder.CPU.Seconds() * 1e6),
		Rate: float64(w.count) / r.Worker.Wall.Seconds(), Peak: r.Worker.HostPeak, SQS: each(float64(r.Done.Requests())),
		Writes: each(float64(objects.Writes + r.Done.Tables["parts"].Writes)), Reads: each(float64(objects.Reads + r.Done.Tables["parts"].Reads)),
	}
	run.Added = run.Worker - cpuPerObject(embedded)
	return run, nil
}

// printFleet writes the medians and the verdict.
func printFleet(to io.Writer, runs []fleetRun) {
	if len(runs) == 0 {
		return
	}
	of := func(figure func(fleetRun) float64) (median, least, most float64) {
		values := make([]float64, len(runs))
		for i, run := range runs {
			values[i] = figure(run)
		}
		return medianOf(values)
	}
	embedded, _, _ := of(func(r fleetRun) float64 { return cpuPerObject(r.Embedded) })
	worker, _, _ := of(func(r fleetRun) float64 { return r.Worker })
	finder, _, _ := of(func(r fleetRun) float64 { return r.Finder })
	rate, _, _ := of(func(r fleetRun) float64 { return r.Rate })
	peak, _, _ := of(func(r fleetRun) float64 { return float64(r.Peak) / (1 << 20) })
	fmt.Fprintf(to, "\nfleet, 4 KiB objects: worker %.0f µs of CPU an object (%.2f of dth alone, %.0f µs), finder %.0f µs, worker %.0f objects/s, %.0f MiB at most\n",
		worker, worker/embedded, embedded, finder, rate, peak)
	first := runs[0]
	fmt.Fprintf(to, "fleet, an object: %.4f SQS requests, %.4f DynamoDB writes, %.4f DynamoDB reads\n", first.SQS, first.Writes, first.Reads)
	added, least, most := of(func(r fleetRun) float64 { return r.Added })
	fmt.Fprintf(to, "%s  a worker takes %.0f µs (%.0f–%.0f) of CPU more for a 4 KiB object than dth alone (bar: %d)\n",
		verdict(added <= fleetBar), added, least, most, fleetBar)
}
