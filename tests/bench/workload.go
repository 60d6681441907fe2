package main

import (
	"context"
	"fmt"

	"github.com/dth-dev/dth/tests/usage"
)

// workload is one bucket to copy, or two equal ones to compare.
type workload struct {
	name    string
	count   int
	size    int64
	compare bool // source and destination are equal: nothing is to be copied
	once    bool // long enough to need no repetition
}

func workloads(quick bool) []workload {
	if quick {
		return []workload{
			{name: "4KiB", count: 2_000, size: 4 << 10},
			{name: "1MiB", count: 300, size: 1 << 20},
			{name: "1GiB", count: 1, size: 1 << 30, once: true},
			{name: "equal", count: 20_000, size: 4 << 10, compare: true},
		}
	}
	return []workload{
		{name: "4KiB", count: 20_000, size: 4 << 10},
		{name: "1MiB", count: 3_000, size: 1 << 20},
		{name: "1GiB", count: 8, size: 1 << 30, once: true},
		{name: "equal", count: 200_000, size: 4 << 10, compare: true},
	}
}

// copies runs every contender on every workload, in turns.
func (b *bench) copies(ctx context.Context) ([]result, error) {
	var results []result
	for _, w := range workloads(b.quick) {
		var entered []contender
		for _, c := range contenders {
			if (c.compares || !w.compare) && (c.only == "" || c.only == w.name) && b.only.MatchString(w.name+"/"+c.name) {
				entered = append(entered, c)
			}
		}
		if len(entered) == 0 {
			continue
		}
		pair, err := b.startStores(ctx, w)
		if err != nil {
			return nil, err
		}
		measured, err := b.take(ctx, w, entered, pair)
		pair.stop()
		if err != nil {
			return nil, err
		}
		results = append(results, measured...)
	}
	return results, nil
}

// take lets the contenders take turns on one workload.
func (b *bench) take(ctx context.Context, w workload, entered []contender, pair *stores) ([]result, error) {
	repeat := b.repeat
	if b.quick || w.once {
		repeat = 1
	}
	var results []result
	for turn := range repeat {
		for _, c := range entered {
			fmt.Printf("==> %s, turn %d of %d: %s\n", w.name, turn+1, repeat, c.name)
			r, err := b.measure(ctx, w, c, pair)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", w.name, c.name, err)
			}
			results = append(results, r)
		}
	}
	return results, nil
}

// measure runs one contender once and checks that it did the work.
func (b *bench) measure(ctx context.Context, w workload, c contender, pair *stores) (result, error) {
	b.next++
	t := task{
		source: pair.source, destination: pair.destination,
		from: sourceBucket, to: fmt.Sprintf("copy-%d", b.next),
		dir: fmt.Sprintf("%s/run-%d", b.dir, b.next), bin: b.dir, workload: w,
	}
	if w.compare {
		t.to = sourceBucket
	}
	if w.count == 0 {
		t.from = emptyBucket
	}
	command, err := c.command(t)
	if err != nil {
		return result{}, err
	}
	before, err := pair.requests(ctx)
	if err != nil {
		return result{}, err
	}
	u, err := usage.Observe(ctx, command)
	if err != nil {
		return result{}, err
	}
	after, err := pair.requests(ctx)
	if err != nil {
		return result{}, err
	}
	if !c.apart {
		if err := pair.check(ctx, w, t.to, after.copied()-before.copied()); err != nil {
			return result{}, err
		}
	}
	return result{
		Workload: w.name, Contender: c.name, Settings: c.settings, Objects: w.count, Bytes: int64(w.count) * w.size, Compare: w.compare,
		Seconds: u.Wall.Seconds(), CPU: u.CPU.Seconds(), PluginCPU: u.PluginCPU.Seconds(),
		HostPeak: u.HostPeak, PluginPeaks: u.PluginPeaks, Requests: after.total() - before.total(),
	}, nil
}

// result is one run.
type result struct {
	Workload    string  `json:"workload"`
	Contender   string  `json:"contender"`
	Settings    string  `json:"settings,omitempty"`
	Objects     int     `json:"objects"`
	Bytes       int64   `json:"bytes"`
	Compare     bool    `json:"compare,omitempty"`
	Seconds     float64 `json:"seconds"`
	CPU         float64 `json:"cpu_seconds"` // of the process and all its children
	PluginCPU   float64 `json:"plugin_cpu_seconds,omitempty"`
	HostPeak    int64   `json:"host_peak_bytes"`
	PluginPeaks []int64 `json:"plugin_peak_bytes,omitempty"`
	Requests    int64   `json:"requests"` // that both stores served
}
