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
// the watch.
func withSignals(parent context.Context, stderr io.Writer, abort func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
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
