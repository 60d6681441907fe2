// Command scale runs a fleet of one finder and one worker over many objects that have next
// to no content, and prints what each object took of everything that is paid for: the
// figures of docs/scale.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/dth-dev/dth/tests/scale/trial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	counts := flag.String("objects", "100000,1000000", "how many objects, one run after the other")
	size := flag.Int64("size", 0, "bytes of each object")
	bin := flag.String("bin", "bin", "folder of dth and its plugins")
	flag.Parse()
	if err := run(ctx, *counts, *size, *bin); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, counts string, size int64, bin string) error {
	tools, err := os.MkdirTemp("", "dth-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tools)
	if err := trial.Build(ctx, ".", tools); err != nil {
		return err
	}
	fmt.Printf("%d CPUs, %s/%s, %s. CPU is user and system of the process and its plugins.\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for text := range strings.SplitSeq(counts, ",") {
		objects, err := strconv.Atoi(text)
		if err != nil || objects < 1 {
			return fmt.Errorf("-objects: %q is no number of objects", text)
		}
		result, err := trial.Run(ctx, trial.Config{Bin: bin, Tools: tools, Objects: objects, Size: size})
		if err != nil {
			return err
		}
		if result.Copied != objects {
			return fmt.Errorf("the destination has %d objects, not %d", result.Copied, objects)
		}
		result.Print(os.Stdout, objects)
	}
	return nil
}
