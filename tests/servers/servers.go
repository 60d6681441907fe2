// Package servers starts real S3 servers on loopback for tests and the demo, and
// ends them.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	Detached  bool   // the server outlives this process and the context
}

// Server is a running server. It ends with Stop, with the context given to
// [Start], or with this process, however that ends.
type Server struct {
	Endpoint  string // "http://127.0.0.1:PORT"
	AccessKey string
	SecretKey string
	Region    string
	PID       int

	process *Process
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
		if err == nil || config.Address != "" || !errors.Is(err, ErrExited) {
			break
		}
	}
	return server, err
}

func start(ctx context.Context, program string, config Config) (*Server, error) {
	address := config.Address
	if address == "" {
		free, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		address = free
	}
	process, err := Run(ctx, Program{
		Name: fmt.Sprintf("%s on %s", config.Product, address), Command: command(program, address, config),
		Probe: "http://" + address + healthPath(config.Product), Log: config.Log, Detached: config.Detached,
	})
	if err != nil {
		return nil, err
	}
	server := &Server{
		Endpoint: "http://" + address, AccessKey: config.AccessKey, SecretKey: config.SecretKey,
		Region: "us-east-1", PID: process.PID, process: process,
	}
	if config.Product == MinIO { // which says that it is ready and refuses everything for a while
		if err := server.awaitWrites(ctx); err != nil {
			server.Stop()
			return nil, fmt.Errorf("start %s on %s: %w", config.Product, address, err)
		}
	}
	return server, nil
}

// Stop ends the server and waits until it is gone. Stopping twice is harmless.
func (s *Server) Stop() { s.process.Stop() }

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

// Tools returns the folder of the pinned programs: $DTH_TOOLS, or else .tools/bin
// beside the go.mod above the working directory.
func Tools() (string, error) {
	if dir := os.Getenv("DTH_TOOLS"); dir != "" {
		return dir, nil
	}
	root, err := Root()
	return filepath.Join(root, ".tools", "bin"), err
}

func findProgram(product Product) (string, error) {
	dir, err := Tools()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, string(product))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not installed (%w): run \"make tools\", or set DTH_TOOLS to the folder that holds it", product, err)
	}
	return path, nil
}

// Root returns the folder of the go.mod above the working directory.
func Root() (string, error) {
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
