// Package integration runs the real dth with its real plugins against real
// servers and checks what its users are promised.
package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/tests/warden"
)

// installed is where TestMain put the programs under test. Processes that run
// from there are ours, so that leftovers can be told from everybody else's.
var installed string

// TestMain installs the programs under test into a folder of their own and checks at the
// end that none of them is still running.
func TestMain(m *testing.M) { os.Exit(warden.Run(func() int { return testMain(m) })) }

// Memory of the tests themselves, which hold whole stores. The race detector takes
// several times what the heap once had, and gives nothing back.
const (
	garbagePercent = 30
	memoryLimit    = 1 << 30
)

func testMain(m *testing.M) int {
	debug.SetGCPercent(garbagePercent)
	debug.SetMemoryLimit(memoryLimit)
	var err error
	// A short path: plugins have unix sockets below it.
	if installed, err = os.MkdirTemp("", "i"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(installed)
	if err := install(installed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if left := leftovers(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "left behind: %s\n", strings.Join(left, ", "))
		return 1
	}
	return code
}

// run is how a command ended.
type run struct {
	code           int
	stdout, stderr string
}

// report reads the report of --json.
func (r run) report(t *testing.T) *observe.Report {
	t.Helper()
	report := &observe.Report{}
	if err := json.Unmarshal([]byte(r.stdout), report); err != nil {
		t.Fatalf("no report (%v): %s%s", err, r.stdout, r.stderr)
	}
	return report
}

// program is dth with folders and variables of its own.
type program struct {
	t      *testing.T
	folder string // the working directory; it also holds HOME and the state
	env    []string
}

// newProgram returns a dth that sees the variables beside those that every
// program has.
func newProgram(t *testing.T, env ...string) *program {
	t.Helper()
	folder := t.TempDir()
	return &program{t: t, folder: folder, env: append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + sockets(), "HOME=" + folder, "XDG_STATE_HOME=" + filepath.Join(folder, "state"),
	}, env...)}
}

// keys returns the variables of the credentials reference env:PREFIX.
func keys(prefix, id, secret string) []string {
	return []string{prefix + "_ACCESS_KEY_ID=" + id, prefix + "_SECRET_ACCESS_KEY=" + secret}
}

// write writes a file below the program's folder and returns its path.
func (p *program) write(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// running is a dth that has been started.
type running struct {
	t              *testing.T
	command        *exec.Cmd
	stdout, stderr *output
	ended          chan struct{} // closed when it has ended
	err            error         // why it ended, after that
}

// output is what a program has written up to now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

// Write is for the program.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(text)
}

// String returns all of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// says waits until the program has logged what the pattern matches, and returns the match
// and its groups. A program that ends before fails the test.
func (r *running) says(pattern string) []string {
	r.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for {
		r.stderr.mu.Lock()
		match, more := wanted.FindStringSubmatch(r.stderr.text.String()), r.stderr.more
		r.stderr.mu.Unlock()
		if match != nil {
			return match
		}
		select {
		case <-more:
		case <-r.ended:
			if match := wanted.FindStringSubmatch(r.stderr.String()); match != nil {
				return match
			}
			r.t.Fatalf("dth ended and did not say %q: %s", pattern, r.stderr)
		}
	}
}

// start starts dth. It ends with the test at the latest.
func (p *program) start(arguments ...string) *running {
	p.t.Helper()
	return p.startCommand(exec.Command(filepath.Join(installed, "dth"), arguments...))
}

func (p *program) startCommand(command *exec.Cmd) *running {
	p.t.Helper()
	r := &running{t: p.t, command: command, stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	command.Dir, command.Env, command.Stdout, command.Stderr = p.folder, p.env, r.stdout, r.stderr
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		r.err = command.Wait()
		close(r.ended)
	}()
	p.t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGKILL) // it has ended already, as a rule
		<-r.ended
	})
	return r
}

// wait waits for the end.
func (r *running) wait() run {
	r.t.Helper()
	<-r.ended
	var exited *exec.ExitError
	if r.err != nil && !errors.As(r.err, &exited) {
		r.t.Fatal(r.err)
	}
	return run{r.command.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String()}
}

// run runs dth to its end.
func (p *program) run(arguments ...string) run {
	p.t.Helper()
	return p.start(arguments...).wait()
}

// must runs dth and fails the test when it ends with another code.
func (p *program) must(code int, arguments ...string) run {
	p.t.Helper()
	got := p.run(arguments...)
	if got.code != code {
		p.t.Fatalf("dth %q: exit code %d, want %d\n%s%s", arguments, got.code, code, got.stdout, got.stderr)
	}
	return got
}

// expect checks exit code and the whole of stderr.
func (r run) expect(t *testing.T, code int, stderr string) {
	t.Helper()
	if r.code != code || !regexp.MustCompile(`\A(?:`+stderr+`)\n\z`).MatchString(r.stderr) {
		t.Errorf("\n got exit code %d, %s\nwant exit code %d, %s", r.code, r.stderr, code, stderr)
	}
}
