package plugin_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// Somebody who runs a plugin by hand is told what it is.
func TestRunByHand(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dth-plugin-x")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path)
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
