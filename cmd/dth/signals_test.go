package main

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestIgnoredSignalsStayIgnored starts dth as a shell does under nohup and in the
// background of a script, and sends it that signal in the middle of a PUT.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trap   string
		signal syscall.Signal
		code   int
	}{
		"nohup":                  {"trap '' HUP;", syscall.SIGHUP, exitDone},
		"background of a script": {"trap '' INT;", syscall.SIGINT, exitDone},
		"hung up":                {"", syscall.SIGHUP, exitInterrupted},
		"interrupted":            {"", syscall.SIGINT, exitInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStores(t)
			put(t, s.source, "src", map[string]string{"a": "1"})
			release, reached := make(chan struct{}), make(chan struct{}, 16)
			s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Do(func() { reached <- struct{}{} })})
			s.destination.Inject(memdriver.Fault{Call: "Put", Effect: memdriver.Hold(release)})
			dth, _, _ := s.command("sync", s.from, s.to)
			command := exec.CommandContext(t.Context(), "sh", append([]string{"-c", test.trap + ` exec "$0" "$@"`}, dth.Args...)...)
			command.Dir, command.Env = dth.Dir, dth.Env
			told, err := command.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			// What the test itself was started to ignore, as under nohup, its children would
			// ignore as well; what it catches they do not.
			caught := make(chan os.Signal, 1)
			signal.Notify(caught, test.signal)
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			<-reached
			signal.Stop(caught)
			if err := command.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(told)
			if test.code == exitDone {
				close(release)
			} else {
				defer close(release)
			}
			var said strings.Builder
			for lines.Scan() {
				said.WriteString(lines.Text() + "\n")
			}
			_ = command.Wait() // the exit code says it
			if code := command.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d\n%s", code, test.code, said.String())
			}
			if stopping := strings.Contains(said.String(), "stopping"); stopping != (test.code == exitInterrupted) {
				t.Errorf("it says %q", said.String())
			}
		})
	}
}
