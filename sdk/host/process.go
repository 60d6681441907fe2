//go:build unix

package host

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dth-dev/dth/sdk/internal/wire"
)

// Bounds of a process's end. Together they keep every stop below 3 s.
const (
	stopGrace  = time.Second            // from SIGTERM to SIGKILL
	killGrace  = time.Second            // from SIGKILL to giving up
	drainGrace = 250 * time.Millisecond // for the last lines of a dead process
)

// maxFirstLine is the longest handshake line.
const maxFirstLine = 4 << 10

// process is one process of a plugin. It is go-plugin's runner.Runner, so that
// go-plugin does the handshake and reads the log lines while the process's life
// and death are decided here.
type process struct {
	name string
	path string
	env  []string

	cmd      *exec.Cmd
	pid      int // 0 until it is started
	stderr   *os.File
	liveness *os.File // the plugin reads the other end; it closes when the host dies
	stdout   *os.File
	line     *io.PipeReader // the first line of stdout, all that go-plugin gets to see

	drained chan struct{} // closed when go-plugin has read stdout and stderr to their end
	exited  chan struct{} // closed when the process is reaped, or could not be started

	mu     sync.Mutex
	state  *os.ProcessState
	reaped bool
	killed bool   // from here
	first  string // first line of stdout
	silent bool   // stdout ended by itself without a whole line
}

func newProcess(name, path string, env []string) *process {
	return &process{name: name, path: path, env: env, drained: make(chan struct{}), exited: make(chan struct{})}
}

// Start starts the process in a group of its own, with nothing on its stdin.
func (p *process) Start(context.Context) error {
	var ends []*os.File // the child's, closed here once it has them
	defer func() {
		for _, end := range ends {
			_ = end.Close()
		}
	}()
	var failed error
	makePipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		failed = errors.Join(failed, err)
		return r, w
	}
	stdout, childStdout := makePipe()
	stderr, childStderr := makePipe()
	childLiveness, liveness := makePipe()
	ends = []*os.File{childStdout, childStderr, childLiveness}
	p.stdout, p.stderr, p.liveness = stdout, stderr, liveness
	if failed != nil {
		p.closePipes()
		return failed
	}
	p.cmd = exec.Command(p.path)
	p.cmd.Env = append(p.env, wire.LivenessVariable+"=3")
	p.cmd.Stdout, p.cmd.Stderr = childStdout, childStderr
	p.cmd.ExtraFiles = []*os.File{childLiveness}
	p.cmd.SysProcAttr = processAttributes()

	started := make(chan error)
	go p.live(started)
	if err := <-started; err != nil {
		p.closePipes()
		return err
	}
	line, feed := io.Pipe()
	p.line = line
	go p.readStdout(feed)
	return nil
}

// live starts the process and stays with it to its end. The kernel signals a
// child when the thread that started it ends, not the process, so that thread
// is kept (golang.org/issue/27505).
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		close(p.exited)
		started <- err
		return
	}
	p.mu.Lock()
	p.pid = p.cmd.Process.Pid
	p.mu.Unlock()
	started <- nil
	_ = p.cmd.Wait() // the state tells all
	p.mu.Lock()
	p.reaped, p.state = true, p.cmd.ProcessState
	p.mu.Unlock()
	// What the plugin left running dies with it.
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	_ = p.liveness.Close()
	// Who left the group may still hold the pipes: they are not waited for.
	deadline := time.Now().Add(drainGrace)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
	close(p.exited)
}

// readStdout hands the first line to go-plugin and drops the rest, whatever it is,
// so that a plugin that prints never blocks.
func (p *process) readStdout(feed *io.PipeWriter) {
	reader := bufio.NewReaderSize(p.stdout, maxFirstLine)
	line, err := reader.ReadSlice('\n')
	p.mu.Lock()
	p.first = string(line)
	p.silent = err != nil && !errors.Is(err, bufio.ErrBufferFull) && !p.killed
	p.mu.Unlock()
	_, _ = feed.Write(line)
	_ = feed.Close()
	_, _ = io.Copy(io.Discard, reader)
	_ = p.stdout.Close()
}

// firstLine returns what the plugin said first on stdout, and whether that was all.
func (p *process) firstLine() (line string, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first, p.silent
}

func (p *process) closePipes() {
	for _, pipe := range []*os.File{p.stdout, p.stderr, p.liveness} {
		if pipe != nil {
			_ = pipe.Close()
		}
	}
}

// signal signals the process and all that it started.
func (p *process) signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid > 0 && !p.reaped {
		p.killed = p.killed || signal == syscall.SIGKILL
		_ = syscall.Kill(-p.pid, signal)
	}
}

// stop asks the process to end, then makes it. It returns within stopGrace and killGrace.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	if !p.within(stopGrace) {
		p.kill()
	}
}

// kill ends the process. It returns within killGrace.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.within(killGrace)
}

// within says whether the process ends in time.
func (p *process) within(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

// endedByItself says whether the process is gone without having been killed from here.
func (p *process) endedByItself() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reaped && !p.killed
}

// ending says how the process ended, with its last words. It may only be called once it has.
func (p *process) ending(words *tail) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	how := "it cannot be ended"
	if p.state != nil {
		how = describe(p.state)
	}
	if last := words.text(); last != "" {
		how += ": " + last
	}
	return how
}

// describe says how a process ended: "it exited with status 2", "it was ended by the signal killed".
func describe(state *os.ProcessState) string {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return "it was ended by the signal " + status.Signal().String()
	}
	return "it exited with status " + strconv.Itoa(state.ExitCode())
}

// The rest of runner.Runner.

// Kill is what go-plugin calls when the handshake fails. A process that closed
// its stdout is about to end by itself and may say why.
func (p *process) Kill(context.Context) error {
	if _, silent := p.firstLine(); silent && p.within(drainGrace) {
		return nil
	}
	p.kill()
	return nil
}

// Wait is called by go-plugin once it has read both pipes to their end.
func (p *process) Wait(context.Context) error {
	_ = p.stderr.Close()
	close(p.drained)
	<-p.exited
	return nil
}

// Stdout is the handshake line.
func (p *process) Stdout() io.ReadCloser { return p.line }

// Stderr is what the plugin logs.
func (p *process) Stderr() io.ReadCloser { return p.stderr }

// Name names the process in logs.
func (p *process) Name() string { return p.name }

// ID identifies the process.
func (p *process) ID() string { return strconv.Itoa(p.pid) }

// Diagnose is left to StartError.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost leaves addresses as they are.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin leaves addresses as they are.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
