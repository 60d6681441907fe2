package servers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// EmulatorConfig says which vendor's emulator to start. See tests/emulators.
type EmulatorConfig struct {
	Vendor    string // oss, cos or kodo
	Buckets   []string
	AccessKey string
	SecretKey string
	Flags     []string // more of the emulator's own, such as -strict-host
}

// Emulator is a running emulator. It ends with its test.
type Emulator struct {
	EmulatorConfig
	Endpoint string // "http://127.0.0.1:PORT"
	control  string // URL of the control API
}

// StartEmulator starts the emulator of a vendor, which `make emulators` built, and ends
// it with the test.
func StartEmulator(t testing.TB, config EmulatorConfig) *Emulator {
	t.Helper()
	program, err := findEmulator(config.Vendor)
	if err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{
		"-addr", "127.0.0.1:0", "-control", "127.0.0.1:0", "-bucket", strings.Join(config.Buckets, ","),
		"-access-key", config.AccessKey, "-secret-key", config.SecretKey,
	}, config.Flags...)
	command := exec.Command(program, arguments...)
	command.Dir = t.TempDir()
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "TMPDIR=" + command.Dir}
	recent := &tail{}
	command.Stderr = recent
	isolate(command)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start the emulator of %s: %v", config.Vendor, err)
	}
	exited := make(chan struct{})
	t.Cleanup(func() { end(command, exited) })
	lines := bufio.NewReader(stdout)
	ready, errReady := lines.ReadString('\n')
	control, errControl := lines.ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, lines) // it prints no more
		_ = command.Wait()                // why it ended shows on stderr
		close(exited)
	}()
	if err := errors.Join(errReady, errControl); err != nil {
		t.Fatalf("the emulator of %s does not get ready: %v: %s", config.Vendor, err, recent)
	}
	return &Emulator{
		EmulatorConfig: config,
		Endpoint:       strings.TrimSpace(strings.TrimPrefix(ready, "ready ")),
		control:        strings.TrimSpace(strings.TrimPrefix(control, "control ")),
	}
}

// findEmulator looks in $DTH_BIN, or else in bin beside the go.mod above the working
// directory.
func findEmulator(vendor string) (string, error) {
	dir := os.Getenv("DTH_BIN")
	if dir == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	path := filepath.Join(dir, "emulators", vendor)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the emulator of %s is not built (%w): run \"make emulators\"", vendor, err)
	}
	return path, nil
}

// Fault is one rule of the emulator's control API, by the names of its JSON form: op,
// key, do, times, skip, share, seed, status, code, message, bytes, millis.
type Fault map[string]any

// Inject adds faults.
func (e *Emulator) Inject(t testing.TB, faults ...Fault) {
	t.Helper()
	e.call(t, http.MethodPost, "/faults", faults, nil)
}

// Heal drops all faults.
func (e *Emulator) Heal(t testing.TB) {
	t.Helper()
	e.call(t, http.MethodDelete, "/faults", nil, nil)
}

// Count is what an emulator counts of one operation.
type Count struct {
	Requests int64 `json:"requests"`
	Refused  int64 `json:"refused"` // signatures that did not hold
	Failed   int64 `json:"failed"`  // answers of status 400 and above, and answers cut off
	In       int64 `json:"in"`      // bytes of bodies received
	Out      int64 `json:"out"`     // bytes of bodies sent
}

// Counts returns the counts by the vendor's name of the operation.
func (e *Emulator) Counts(t testing.TB) map[string]Count {
	t.Helper()
	counts := map[string]Count{}
	e.call(t, http.MethodGet, "/requests", nil, &counts)
	return counts
}

// OpenUploads returns the keys of the uploads that were neither completed nor aborted.
func (e *Emulator) OpenUploads(t testing.TB) []string {
	t.Helper()
	var open []struct {
		Key string `json:"key"`
	}
	e.call(t, http.MethodGet, "/uploads", nil, &open)
	var found []string
	for _, upload := range open {
		found = append(found, upload.Key)
	}
	return found
}

func (e *Emulator) call(t testing.TB, method, path string, send, receive any) {
	t.Helper()
	body, err := json.Marshal(send)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, e.control+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(answer.Body) // all there is to tell
		t.Fatalf("%s %s of the emulator of %s: %s: %s", method, path, e.Vendor, answer.Status, text)
	}
	if receive != nil {
		if err := json.NewDecoder(answer.Body).Decode(receive); err != nil {
			t.Fatal(err)
		}
	}
}
