// Package notify tells systemd how the process is: ready, alive, stopping, and what it
// does. Without systemd it does nothing.
package notify

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
)

// Ready says that the process works from now on, for units of Type=notify.
func Ready() error { return send(daemon.SdNotifyReady) }

// Stopping says that the process is about to end; systemd then waits for TimeoutStopSec.
func Stopping() error { return send(daemon.SdNotifyStopping) }

// Status tells people in one line what the process does; `systemctl status` shows it.
// It must hold no secret.
func Status(text string) error {
	return send("STATUS=" + strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
}

// send writes to the socket that the environment names in NOTIFY_SOCKET, a path or an
// abstract name that begins with @. No such variable is no error.
func send(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("tell systemd %q: %w", state, err)
	}
	return nil
}

// Watchdog keeps systemd from restarting a process that makes progress.
type Watchdog struct {
	stop   chan struct{}
	ended  chan struct{}
	closed sync.Once
}

// Options say when a [Watchdog] calms systemd.
type Options struct {
	// Health returns nil while the process makes progress, else why it does not. It is
	// called from one goroutine, and must return soon.
	Health func() error
	// Ticks has it called at each tick; nil for half of the time that systemd allows.
	Ticks  <-chan time.Time
	Logger hclog.Logger
}

// Watch starts to tell systemd that the process is alive, as long as it is healthy and
// until Close. Where the unit has no WatchdogSec, or the variable is meant for another
// process, nothing is told. The error is that of a malformed WATCHDOG_USEC.
func Watch(options Options) (*Watchdog, error) {
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("systemd's watchdog cannot be served: %w", err)
	}
	w := &Watchdog{stop: make(chan struct{}), ended: make(chan struct{})}
	if timeout == 0 {
		close(w.ended)
		return w, nil
	}
	go w.run(options, timeout)
	return w, nil
}

// Close returns when nothing is told any more.
func (w *Watchdog) Close() {
	w.closed.Do(func() { close(w.stop) })
	<-w.ended
}

func (w *Watchdog) run(options Options, timeout time.Duration) {
	defer close(w.ended)
	ticks := options.Ticks
	if ticks == nil {
		ticker := time.NewTicker(timeout / 2)
		defer ticker.Stop()
		ticks = ticker.C
	}
	stuck := false
	for {
		err := options.Health()
		if err == nil {
			stuck = false
			err = send(daemon.SdNotifyWatchdog)
		} else if !stuck { // said once, not at each tick until the restart
			stuck = true
			options.Logger.Error("no progress: systemd will restart the process", "reason", err, "within", timeout)
			err = Status("no progress: " + err.Error())
		} else {
			err = nil
		}
		if err != nil {
			options.Logger.Warn("systemd is not told", "error", err)
		}
		select {
		case <-w.stop:
			return
		case <-ticks:
		}
	}
}
