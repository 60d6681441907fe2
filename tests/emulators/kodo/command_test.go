package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRestartedCommandHasWhatItHad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := start(t, "-data", dir)
	e.put("small", "hello")
	e.put("large", strings.Repeat("x", 200_000))
	key := "pending"
	id, parts := e.initiate(e.storage(), key, e.token(key, nil), mib)
	e.stop()

	again := start(t, "-data", dir)
	for key, want := range map[string]int{"small": 5, "large": 200_000} {
		if got, err := again.read(key); err != nil || len(got) != want {
			t.Errorf("%s: %d bytes, %v", key, len(got), err)
		}
	}
	if err := again.complete(again.storage(), key, id, parts, again.token(key, nil), nil); err != nil {
		t.Errorf("the upload: %v", err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"no bucket":        {"-access-key", "a", "-secret-key", "b"},
		"no keys":          {"-bucket", "photos"},
		"a bad bucket":     {"-bucket", "no", "-access-key", "a", "-secret-key", "b"},
		"a public address": {"-addr", "0.0.0.0:0", "-bucket", "photos", "-access-key", "a", "-secret-key", "b"},
	} {
		if err := run(t.Context(), flags, io.Discard); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

// TestProcess runs the command as a process: it says when it is ready, serves, and
// ends when it is told to.
func TestProcess(t *testing.T) {
	t.Parallel()
	command := exec.Command(os.Args[0], "-addr", "127.0.0.1:0", "-bucket", bucketA, "-access-key", accessKey, "-secret-key", secretKey)
	command.Env = append(os.Environ(), asCommand+"=1")
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	line := readLine(t, bufio.NewReader(stdout))
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { _ = command.Process.Kill() })
	address, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		t.Fatalf("its first line is %q", line)
	}
	answer, err := http.Get(address + "/v4/query?ak=" + accessKey + "&bucket=" + bucketA)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("it answers %s", answer.Status)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it did not end")
	}
}
