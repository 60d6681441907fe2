package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	region    = "ap-guangzhou"
	suite     = "suite-1250000000"
	other     = "other-1250000000"
	accessKey = "AKIDconformance"
	secretKey = "conformance-secret"
	// startDeadline bounds the wait for the emulator's first line.
	startDeadline = 2 * time.Minute
)

// pluginName is the name under which this test binary is the plugin.
const pluginName = "dth-plugin-cos"

// programs is where the emulator is built, once for all tests of this binary.
var programs = sync.OnceValues(func() (string, error) {
	directory, err := os.MkdirTemp("", "dth-cos-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(directory, "cos-emulator")
	build := exec.Command("go", "build", "-o", program, "github.com/dth-dev/dth/tests/emulators/cos")
	build.Stderr = os.Stderr
	return program, build.Run()
})

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		main()
		return
	}
	status := m.Run()
	if program, err := programs(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(status)
}

// emulator is a running emulator of COS with the buckets suite and other.
type emulator struct {
	endpoint string // http://127.0.0.1:PORT
	control  string
}

// startEmulator starts an emulator, which ends with the test.
func startEmulator(t testing.TB, flags ...string) emulator {
	t.Helper()
	program, err := programs()
	if err != nil {
		t.Fatalf("build the emulator: %v", err)
	}
	command := exec.Command(program, append([]string{
		"-addr", "127.0.0.1:0", "-control", "127.0.0.1:0", "-bucket", suite + "," + other,
		"-access-key", accessKey, "-secret-key", secretKey, "-region", region, "-restore-after", "0s",
	}, flags...)...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(startDeadline, func() { _ = command.Process.Kill() })
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait() // why it ended shows in its output
	})
	lines := bufio.NewScanner(output)
	var told [2]string
	for i, word := range []string{"ready ", "control "} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), word) {
			t.Fatalf("the emulator did not say %q but %q", word, lines.Text())
		}
		told[i] = strings.TrimPrefix(lines.Text(), word)
	}
	killer.Stop()
	return emulator{told[0], told[1]}
}

// fault lets the emulator's next requests fail.
func (e emulator) fault(t testing.TB, faults ...map[string]any) {
	t.Helper()
	body, err := json.Marshal(faults)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.Post(e.control+"/faults", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode >= 300 {
		t.Fatalf("the emulator takes no fault %s: %s", body, reply.Status)
	}
}
