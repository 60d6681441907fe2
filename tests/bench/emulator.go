package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// emulatorKey is the access key of the emulators, and its secret.
const emulatorKey = "emulator"

// vendors are the stores with an emulator, which make emulators builds, and how
// locations of theirs are written.
var vendors = []vendor{
	{name: "oss", bucket: "bench", options: "region=cn-hangzhou&endpoint="},
	{name: "cos", bucket: "bench-1250000000", options: "region=ap-guangzhou&endpoint="},
	{name: "kodo", bucket: "bench", options: "endpoint="},
}

type vendor struct {
	name    string
	bucket  string
	options string // the emulator's endpoint follows
}

// emulator is a running emulator, a process of its own.
type emulator struct {
	vendor
	endpoint string // "http://127.0.0.1:PORT"
	control  string // URL of its control API
	stop     func()
}

func (b *bench) startEmulator(ctx context.Context, v vendor) (*emulator, error) {
	command := exec.CommandContext(ctx, filepath.Join("bin", "emulators", v.name), "-addr", "127.0.0.1:0", "-control", "127.0.0.1:0",
		"-bucket", v.bucket, "-access-key", emulatorKey, "-secret-key", emulatorKey)
	command.Env = append(os.Environ(), "TMPDIR="+b.dir) // its objects go with the benchmark's scratch
	command.Stderr = os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the emulator of %s: %w: run \"make emulators\"", v.name, err)
	}
	e := &emulator{vendor: v, stop: func() {
		_ = command.Cancel()
		_ = command.Wait() // how it ended shows on stderr
	}}
	lines := bufio.NewReader(out)
	ready, errReady := lines.ReadString('\n')
	control, errControl := lines.ReadString('\n')
	if err := errors.Join(errReady, errControl); err != nil {
		e.stop()
		return nil, fmt.Errorf("the emulator of %s did not say its addresses: %w", v.name, err)
	}
	e.endpoint = strings.TrimSpace(strings.TrimPrefix(ready, "ready "))
	e.control = strings.TrimSpace(strings.TrimPrefix(control, "control "))
	return e, nil
}

// location returns the location of a prefix of the emulator's bucket.
func (e *emulator) location(prefix string) string {
	return fmt.Sprintf("%s://%s/%s/?%s%s&credentials=env:EMULATOR", e.name, e.bucket, prefix, e.options, e.endpoint)
}

// served is what an emulator counts of one operation.
type served struct {
	Requests int64
	In       int64 // bytes of bodies received
}

// takeCounts returns the counts by the vendor's name of the operation since the
// last call.
func (e *emulator) takeCounts(ctx context.Context) (map[string]served, error) {
	counts := map[string]served{}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		request, err := http.NewRequestWithContext(ctx, method, e.control+"/requests", nil)
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		if method == http.MethodGet {
			if err := json.Unmarshal(body, &counts); err != nil {
				return nil, fmt.Errorf("the counts of the emulator of %s: %w", e.name, err)
			}
		}
	}
	return counts, nil
}
