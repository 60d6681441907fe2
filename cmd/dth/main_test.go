package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/memdriver"
	"github.com/dth-dev/dth/sdk/plugin"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asProgram is the variable that makes this test binary behave as dth itself.
const asProgram = "DTH_TEST_AS_PROGRAM"

// TestMain lets the test binary be three programs: the tests, dth, and the plugin of the
// reference store when it is started under that plugin's name.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "dth-plugin-mem":
		plugin.Serve(memdriver.New(os.Getenv))
	case os.Getenv(asProgram) != "":
		main()
	default:
		os.Exit(m.Run())
	}
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// program is one installation of dth with folders and variables of its own.
type program struct {
	t       *testing.T
	folder  string // the working directory
	state   string // XDG_STATE_HOME
	plugins string // holds the plugin mem
	env     []string
}

func newProgram(t *testing.T) *program {
	t.Helper()
	root := t.TempDir()
	p := &program{t: t, folder: filepath.Join(root, "work"), state: filepath.Join(root, "state"), plugins: filepath.Join(root, "plugins")}
	for _, folder := range []string{p.folder, p.plugins} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(p.plugins, "dth-plugin-mem")); err != nil {
		t.Fatal(err)
	}
	p.write(filepath.Join(p.plugins, "dth-plugin-mem.yaml"), "name: mem\ntitle: Memory store\nprotocol: [1]\n")
	// A short path of its own: sockets of plugins live there.
	sockets, err := os.MkdirTemp("", "dth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	p.env = []string{
		"TMPDIR=" + sockets,
		asProgram + "=1", "HOME=" + root, "XDG_STATE_HOME=" + p.state, "XDG_CONFIG_HOME=" + filepath.Join(root, "config"),
		"DTH_PLUGIN_DIR=" + p.plugins, "SRC_ACCESS_KEY_ID=id", "SRC_SECRET_ACCESS_KEY=" + canary + "-src",
		"DST_ACCESS_KEY_ID=id", "DST_SECRET_ACCESS_KEY=" + canary + "-dst",
	}
	return p
}

// canary is in every secret of these tests, and must be in no output.
const canary = "canary-4711"

func (p *program) write(path, content string) {
	p.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.folder, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// command prepares a run of dth.
func (p *program) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.CommandContext(p.t.Context(), self, args...)
	command.Dir, command.Env = p.folder, p.env
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	return command, &stdout, &stderr
}

// run runs dth to its end.
func (p *program) run(args ...string) result {
	p.t.Helper()
	command, stdout, stderr := p.command(args...)
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	got := result{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if strings.Contains(got.stdout+got.stderr, canary) {
		p.t.Errorf("dth %q shows a secret:\n%s%s", args, got.stdout, got.stderr)
	}
	return got
}

// inProcess runs a command line that needs no process of its own.
func inProcess(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), process{stdout: &stdout, stderr: &stderr, environ: environ, args: args})
	return result{code, stdout.String(), stderr.String()}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./cmd/dth -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test ./cmd/dth -update rewrites it; got:\n%s", path, got)
	}
}
