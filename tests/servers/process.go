package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Program is a program that serves HTTP, and how to know that it is ready.
type Program struct {
	Name    string // for error texts
	Command *exec.Cmd
	Probe   string // URL that is asked until it answers
	Status  int    // HTTP status of the answer that says it is ready; 0 means 200
	Log     string // path of a file for what the program prints; empty discards it

	// Detached lets the program outlive this process and the context: it ends
	// with Stop, or by its PID.
	Detached bool
}

// Process is a running program. It ends with Stop, and unless it is detached
// with the context given to [Run] or with this process, however that ends.
type Process struct {
	PID int

	stop func()
}

// ErrExited says that a program ended before it was ready, as one does that finds
// its port taken.
var ErrExited = errors.New("the server exited")

// Run starts a program and waits until it is ready. The caller stops it.
func Run(ctx context.Context, program Program) (*Process, error) {
	output, err := openLog(program.Log)
	if err != nil {
		return nil, err
	}
	recent := &tail{}
	command := program.Command
	command.Stdout = io.MultiWriter(output, recent)
	if program.Detached {
		command.Stdout = output // written by the program itself, also when we are gone
		detach(command)
	} else {
		isolate(command)
	}
	command.Stderr = command.Stdout
	// Output is copied by goroutines of os/exec; they must not outlive the server.
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program.Name, err), output.Close())
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait() // why it ended shows in its output
		_ = output.Close()
		close(exited)
	}()
	process := &Process{PID: command.Process.Pid, stop: sync.OnceFunc(func() { end(command, exited) })}
	release := func() bool { return true }
	if !program.Detached {
		release = context.AfterFunc(ctx, process.Stop)
	}
	if err := program.await(ctx, exited); err != nil {
		release()
		process.Stop()
		return nil, fmt.Errorf("start %s: %w: %s", program.Name, err, recent)
	}
	return process, nil
}

// Stop ends the process and its children and waits until it is gone. Stopping
// twice is harmless.
func (p *Process) Stop() { p.stop() }

// end asks the process group to end, and kills it when it does not.
func end(command *exec.Cmd, exited <-chan struct{}) {
	terminate(command)
	select {
	case <-exited:
	case <-time.After(5 * time.Second):
		kill(command)
		<-exited
	}
}

// await probes the program until it is ready.
func (p Program) await(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	ready := p.Status
	if ready == 0 {
		ready = http.StatusOK
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Probe, nil)
		if err != nil {
			return err
		}
		if reply, err := client.Do(request); err == nil {
			_ = reply.Body.Close()
			if reply.StatusCode == ready {
				return nil
			}
		}
		select {
		case <-exited:
			return ErrExited
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// FreeAddress returns "127.0.0.1:PORT" of a port that nobody listens on. Another
// program may take it before the caller does.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	address := listener.Addr().String()
	return address, listener.Close()
}

func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		path = os.DevNull
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
