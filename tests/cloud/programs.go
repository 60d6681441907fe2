package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dth-dev/dth/tests/servers"
)

// needs says which program of the machine an emulator runs on, and which package of
// Debian and its kin brings it.
type needs struct{ program, packages string }

// requirements are what `make cloud-tools` cannot install.
func requirements(kind Kind) []needs {
	switch kind {
	case MiniStack, Moto:
		return []needs{{"python3", "python3-venv"}}
	case FauxQS:
		return []needs{{"npm", "npm"}, {"node", "nodejs, 20 or newer"}}
	}
	return nil
}

// Missing returns nil where the emulator can be started, and else an error that names
// what is missing and what brings it.
func Missing(kind Kind) error {
	dir, err := toolsDir()
	if err != nil {
		return err
	}
	installed, ok := installedFile(kind)
	if !ok {
		return fmt.Errorf("there is no emulator %q", kind)
	}
	for _, need := range requirements(kind) {
		if _, err := exec.LookPath(need.program); err != nil {
			return fmt.Errorf("%s needs %s, which is not installed: install the package %s, then run \"make cloud-tools\"", kind, need.program, need.packages)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, installed)); err != nil {
		return fmt.Errorf("%s is not installed (%w): run \"make cloud-tools\"", kind, err)
	}
	return nil
}

// Require ends the test as not run where an emulator that it needs cannot be started,
// and as failed with DTH_TEST_DISALLOW_SKIP=1.
func Require(t testing.TB, kinds ...Kind) {
	t.Helper()
	for _, kind := range kinds {
		if err := Missing(kind); err != nil {
			notRun(t, err)
		}
	}
}

// toolsDir returns the folder that `make cloud-tools` installs into: beside that of
// the other tools.
func toolsDir() (string, error) {
	tools, err := servers.Tools()
	return filepath.Join(filepath.Dir(tools), "cloud"), err
}

// installedFile names, below the tools, the file that an emulator is started by and
// that is installed last.
func installedFile(kind Kind) (string, bool) {
	file, ok := map[Kind]string{
		MiniStack: "ministack/bin/ministack",
		Moto:      "moto/bin/moto_server",
		FauxQS:    "node/fauxqs.mjs",
	}[kind]
	return file, ok
}

// programOf builds the command line, and says how the emulator shows that it is ready.
// Nothing of our environment reaches it but PATH.
func programOf(config Config) (servers.Program, error) {
	dir, err := toolsDir()
	if err != nil {
		return servers.Program{}, err
	}
	host, port, err := net.SplitHostPort(config.Address)
	if err != nil {
		return servers.Program{}, err
	}
	program := servers.Program{
		Name: fmt.Sprintf("%s on %s", config.Kind, config.Address), Log: config.Log, Detached: config.Detached,
	}
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + config.Dir, "TMPDIR=" + config.Dir, "PYTHONDONTWRITEBYTECODE=1"}
	path := "/"
	switch config.Kind {
	case MiniStack:
		scale := config.WaitScale
		if scale == 0 {
			scale = 1
		}
		// IOT_MTLS_ENABLED=0 keeps port 8883 shut, SFTP_ENABLED=0 another one.
		environment = append(environment, "BIND_HOST="+host, "GATEWAY_PORT="+port, "MINISTACK_HOST="+host,
			"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "DOCKER_HOST=", "LOG_LEVEL=WARNING",
			"SFN_WAIT_SCALE="+strconv.FormatFloat(scale, 'f', -1, 64))
		if config.Policies {
			environment = append(environment, "AUTH=true")
		}
		program.Command = exec.Command(filepath.Join(dir, "ministack", "bin", "python"), "-m", "ministack")
		path = "/_ministack/ready"
	case Moto:
		program.Command = exec.Command(filepath.Join(dir, "moto", "bin", "python"), "-m", "moto.server", "-H", host, "-p", port)
		path = "/moto-api/"
	case FauxQS:
		program.Command = exec.Command("node", filepath.Join(dir, "node", "fauxqs.mjs"), config.Address)
		path = "/health"
	}
	program.Probe = "http://" + config.Address + path
	program.Command.Env = environment
	program.Command.Dir = config.Dir
	return program, nil
}

// interpret turns moto's interpreter of state machines on: without it, moto stores them.
func interpret(ctx context.Context, endpoint string) error {
	body := strings.NewReader(`{"stepfunctions": {"execute_state_machine": true}}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/moto-api/config", body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("moto: turn the interpreter of state machines on: %s", answer.Status)
	}
	return nil
}
