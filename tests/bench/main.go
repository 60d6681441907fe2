// Command bench measures what copying a bucket costs: dth with its plugin
// processes, rclone, and a bare net/http relay, all between two stores on this
// machine that cost next to nothing (tests/bench/nullstore), and dth with each
// vendor's plugin at one end (tests/emulators). Every run is a fresh process;
// contenders take turns, so that a busy minute hurts all alike.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.BoolVar(&o.quick, "quick", false, "a tenth of the objects, once")
	flag.IntVar(&o.repeat, "repeat", 3, "runs of each contender, 1 GiB objects excepted: those run once")
	flag.StringVar(&o.only, "only", "", "run only what matches this regular expression, e.g. '4KiB/(dth|rclone)', 'boundary', 'fleet' or 'vendor/to oss'")
	flag.StringVar(&o.json, "json", "", "also write every run to this path")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	quick  bool
	repeat int
	only   string
	json   string
}

func run(ctx context.Context, o options) error {
	if runtime.GOOS != "linux" {
		return errors.New("memory is read from /proc: run it on Linux")
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	dir, err := os.MkdirTemp("", "dth-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, only: only, options: o}
	if err := b.build(ctx); err != nil {
		return err
	}
	report := report{Machine: fmt.Sprintf("%d CPUs, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())}
	if report.Runs, err = b.copies(ctx); err != nil {
		return err
	}
	if report.Boundary, err = b.boundary(ctx); err != nil {
		return err
	}
	if report.Fleet, err = b.fleet(ctx); err != nil {
		return err
	}
	if report.Vendors, err = b.passages(ctx); err != nil {
		return err
	}
	report.print(os.Stdout)
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// bench is one invocation.
type bench struct {
	options
	dir  string // scratch: our own binaries, states, rclone's configuration
	only *regexp.Regexp
	next int // destination buckets so far: each run writes into a new one
}

// build compiles the programs of the benchmark itself.
func (b *bench) build(ctx context.Context) error {
	fmt.Println("==> build the null store, the relay and dth with its driver in process")
	for name, arguments := range map[string][]string{
		"nullstore": {"build", "./tests/bench/nullstore"},
		"relay":     {"build", "./tests/bench/relay"},
		"inprocess": {"test", "-c", "./plugins/s3compat"},
	} {
		arguments = append([]string{arguments[0], "-trimpath", "-o", filepath.Join(b.dir, name)}, arguments[1:]...)
		command := exec.CommandContext(ctx, "go", arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		command.Stderr = os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}
