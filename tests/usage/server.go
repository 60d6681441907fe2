package usage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Server is a process that says its address in its first line and ends when its standard
// input does.
type Server struct {
	Address string // host and port

	command *exec.Cmd
	input   io.Closer
}

// StartServer starts a program and waits for its address. The caller stops it.
func StartServer(ctx context.Context, program string, arguments ...string) (*Server, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(program), err)
	}
	started := &Server{command: command, input: in}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		started.Stop()
		return nil, fmt.Errorf("%s did not say its address: %w", filepath.Base(program), err)
	}
	started.Address = strings.TrimSpace(address)
	return started, nil
}

// Stop ends the process and waits for its end.
func (s *Server) Stop() {
	s.input.Close()
	_ = s.command.Wait() // it has nothing to say
}
