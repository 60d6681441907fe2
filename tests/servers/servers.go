// Package servers starts real S3 servers on loopback for tests and the demo, and
// ends them.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Product is a server program.
type Product string

// The products that can be started.
const (
	VersityGW Product = "versitygw"
	MinIO     Product = "minio"
)

// startDeadline bounds the wait for a server's first answer. MinIO formats its
// directory first and takes about a second on an idle machine.
const startDeadline = 60 * time.Second

// Config says which server to start.
type Config struct {
	Product   Product
	AccessKey string // at least 3 characters
	SecretKey string // at least 8 characters
	Dir       string // where the server keeps its objects; it must exist
	Domain    string // base domain for virtual-host addressing, e.g. "localhost"; empty for path style only
	Address   string // "127.0.0.1:PORT"; empty picks a free port
	Log       string // path of a file for what the server prints; empty discards it
}

// Server is a running server. It ends with Stop, with the context given to
// [Start], or with this process, however that ends.
type Server struct {
	Endpoint  string // "http://127.0.0.1:PORT"
	AccessKey string
	SecretKey string
	Region    string
	PID       int

	stop func()
}

// Start starts a server and waits until it answers. The caller stops it.
func Start(ctx context.Context, config Config) (*Server, error) {
	program, err := findProgram(config.Product)
	if err != nil {
		return nil, err
	}
	// The free port may be taken between finding and binding it: then the
	// server exits at once and another port is tried.
	var server *Server
	for range 3 {
		server, err = start(ctx, program, config)
		if err == nil || config.Address != "" || !errors.Is(err, errExited) {
			break
		}
	}
	return server, err
}

var errExited = errors.New("the server exited")

func start(ctx context.Context, program string, config Config) (*Server, error) {
	address := config.Address
	if address == "" {
		free, err := freeAddress()
		if err != nil {
			return nil, err
		}
		address = free
	}
	output, err := openLog(config.Log)
	if err != nil {
		return nil, err
	}
	recent := &tail{}
	command := command(program, address, config)
	command.Stdout = io.MultiWriter(output, recent)
	command.Stderr = command.Stdout
	// Output is copied by goroutines of os/exec; they must not outlive the server.
	command.WaitDelay = time.Second
	isolate(command)
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", config.Product, err), output.Close())
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait() // why it ended shows in its output
		_ = output.Close()
		close(exited)
	}()
	server := &Server{
		Endpoint: "http://" + address, AccessKey: config.AccessKey, SecretKey: config.SecretKey,
		Region: "us-east-1", PID: command.Process.Pid,
	}
	server.stop = sync.OnceFunc(func() { end(command, exited) })
	release := context.AfterFunc(ctx, server.Stop)
	if err := server.await(ctx, config.Product, exited); err != nil {
		release()
		server.Stop()
		return nil, fmt.Errorf("start %s on %s: %w: %s", config.Product, address, err, recent)
	}
	return server, nil
}

// Stop ends the server and waits until it is gone. Stopping twice is harmless.
func (s *Server) Stop() { s.stop() }

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

// await probes the server until it is ready.
func (s *Server) await(ctx context.Context, product Product, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	probe := s.Endpoint + healthPath(product)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
		if err != nil {
			return err
		}
		if reply, err := client.Do(request); err == nil {
			_ = reply.Body.Close()
			if reply.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

func healthPath(product Product) string {
	if product == MinIO {
		return "/minio/health/ready"
	}
	return "/health"
}

// command builds the command line. Secrets go through the environment, which
// only the same user can read, and nothing else of our environment does.
func command(program, address string, config Config) *exec.Cmd {
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + config.Dir}
	var arguments []string
	if config.Product == MinIO {
		environment = append(environment, "MINIO_ROOT_USER="+config.AccessKey, "MINIO_ROOT_PASSWORD="+config.SecretKey,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_DOMAIN="+config.Domain)
		arguments = []string{"server", "--quiet", "--address", address, config.Dir}
	} else {
		environment = append(environment, "ROOT_ACCESS_KEY="+config.AccessKey, "ROOT_SECRET_KEY="+config.SecretKey)
		arguments = []string{"--quiet", "--keep-alive", "--health", "/health", "--port", address}
		if config.Domain != "" {
			arguments = append(arguments, "--virtual-domain", config.Domain)
		}
		arguments = append(arguments, "posix", config.Dir)
	}
	command := exec.Command(program, arguments...)
	command.Env = environment
	command.Dir = config.Dir
	return command
}

func freeAddress() (string, error) {
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

// findProgram looks in $DTH_TOOLS, or else in .tools/bin beside the go.mod above
// the working directory.
func findProgram(product Product) (string, error) {
	dir := os.Getenv("DTH_TOOLS")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, ".tools", "bin")
	}
	path := filepath.Join(dir, string(product))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not installed (%w): run \"make tools\", or set DTH_TOOLS to the folder that holds it", product, err)
	}
	return path, nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory: set DTH_TOOLS to the folder that holds the servers")
		}
		dir = parent
	}
}

// tail keeps the last bytes that a server printed, for error texts.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	if extra := len(t.bytes) - tailSize; extra > 0 {
		t.bytes = bytes.Clone(t.bytes[extra:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.bytes))
}
