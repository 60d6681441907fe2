package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// boundaryPairs is how often dth with plugins and dth without take turns.
const boundaryPairs = 7

// crossing is one pair of runs of the 4 KiB workload.
type crossing struct {
	Plugin    result  `json:"plugin"`
	InProcess result  `json:"in_process"`
	Added     float64 `json:"added_cpu_us_per_object"` // by the process boundary, process starts included
}

// boundary measures what the plugin processes add to the same driver and engine
// in one process.
func (b *bench) boundary(ctx context.Context) ([]crossing, error) {
	w := workloads(b.quick)[0]
	if !b.only.MatchString("boundary") {
		return nil, nil
	}
	pair, err := b.startStores(ctx, w)
	if err != nil {
		return nil, err
	}
	defer pair.stop()
	var crossings []crossing
	for turn := range boundaryPairs {
		fmt.Printf("==> boundary, pair %d of %d\n", turn+1, boundaryPairs)
		var c crossing
		// The order changes from pair to pair, so that neither always runs warm.
		order := []func() error{
			func() (err error) {
				c.Plugin, err = b.measure(ctx, w, contender{name: "dth", command: dth}, pair)
				return err
			},
			func() (err error) {
				c.InProcess, err = b.measure(ctx, w, contender{name: "in process", command: inProcess}, pair)
				return err
			},
		}
		for i := range order {
			if err := order[(i+turn)%2](); err != nil {
				return nil, fmt.Errorf("boundary: %w", err)
			}
		}
		c.Added = (c.Plugin.CPU - c.InProcess.CPU) / float64(w.count) * 1e6
		crossings = append(crossings, c)
	}
	return crossings, nil
}

// inProcess runs the benchmark of plugins/s3compat that links engine and driver
// into one process.
func inProcess(t task) (*exec.Cmd, error) {
	command := exec.Command(filepath.Join(t.bin, "inprocess"), "-test.run=^$", "-test.bench=SyncInProcess", "-test.benchtime=1x")
	command.Env = append(append(os.Environ(), credentials...),
		"DTH_BENCH_SOURCE="+sourceOf(t),
		"DTH_BENCH_DESTINATION="+destinationOf(t))
	return command, nil
}
