package plugin_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/sdk/internal/wire"
	"github.com/dth-dev/dth/sdk/plugin"
)

// TestMain lets this test binary be a plugin that nobody started the right way.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "dth-plugin-") {
		plugin.Serve(nil)
		return
	}
	os.Exit(m.Run())
}

// install puts this binary where a plugin would be.
func install(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dth-plugin-x")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A plugin ends when its liveness pipe does and when it is asked to, idle as it is, and takes
// its socket along. Where no host made the folder for it, the sockets in it are not its own.
func TestEnds(t *testing.T) {
	t.Parallel()
	ask := func(process *os.Process, _ io.Closer) error { return process.Signal(syscall.SIGTERM) }
	for name, c := range map[string]struct {
		liveness string // value of the variable
		end      func(process *os.Process, liveness io.Closer) error
		left     int
	}{
		"host gone": {"3", func(_ *os.Process, liveness io.Closer) error { return liveness.Close() }, 0},
		"asked":     {"3", ask, 0},
		"no host":   {"", ask, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sockets, err := os.MkdirTemp("", "dth") // a test's own folder may be too long for a socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(sockets)
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer write.Close()
			command := exec.CommandContext(t.Context(), install(t))
			command.Env = []string{
				wire.CookieKey + "=" + wire.CookieValue, wire.LivenessVariable + "=" + c.liveness,
				"PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_UNIX_SOCKET_DIR=" + sockets,
			}
			command.ExtraFiles = []*os.File{read}
			command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "1|1|unix|"+sockets) {
				t.Errorf("handshake %q, %v", line, err)
			}
			if err := c.end(command.Process, write); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // the test's own time limit bounds it
			if left, _ := os.ReadDir(sockets); len(left) != c.left {
				t.Errorf("left %v", left)
			}
		})
	}
}

// Somebody who runs a plugin by hand is told what it is.
func TestRunByHand(t *testing.T) {
	t.Parallel()
	command := exec.Command(install(t))
	var stderr, stdout strings.Builder
	command.Stderr, command.Stdout = &stderr, &stdout
	var exit *exec.ExitError
	if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("got %v", err)
	}
	want := "dth-plugin-x is a plugin of dth and does nothing by itself.\n" +
		"dth starts it when a location needs it; \"dth plugin list\" shows the plugins that dth finds.\n"
	if stderr.String() != want || stdout.String() != "" {
		t.Errorf("it printed %q and %q", stderr.String(), stdout.String())
	}
}
