package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// withSignals returns a context that ends at the first interruption, which
// lets the command stop in good order. The second one calls abort. stop ends
// the watch. A signal that whatever started dth has it ignore stays ignored.
func withSignals(parent context.Context, stderr io.Writer, abort func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	for _, one := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(one) { // as under nohup, or in the background of a shell script
			signal.Notify(signals, one)
		}
	}
	stopped := make(chan struct{})
	go func() {
		for count := 0; ; count++ {
			select {
			case <-stopped:
				return
			case <-signals:
			}
			if count > 0 {
				abort()
				return
			}
			fmt.Fprintln(stderr, "dth: stopping; interrupt again to stop at once (nothing is lost either way)")
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}
