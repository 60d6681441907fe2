package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/dth-dev/dth/tests/cloud"
	"github.com/google/go-cmp/cmp"
)

func TestUpAndDown(t *testing.T) {
	t.Parallel()
	cloud.Require(t, cloud.MiniStack)
	dir := filepath.Join(t.TempDir(), "fleet")
	t.Cleanup(func() { _ = down(context.Background(), dir, &bytes.Buffer{}) })
	var first, second bytes.Buffer
	if err := up(t.Context(), dir, &first); err != nil {
		t.Fatal(err)
	}
	standing, err := load(dir)
	if err != nil || len(standing.Servers) != 3 || !standing.runs() {
		t.Fatalf("standing: %+v, %v", standing, err)
	}
	queues, err := sqs.NewFromConfig(cloud.ConfigAt(standing.AWS)).ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(queues.QueueUrls) != 3 {
		t.Errorf("the queues are %+v, %v", queues, err)
	}
	for _, want := range []string{"export AWS_ENDPOINT_URL_SQS=" + standing.AWS, "export SOURCE_ACCESS_KEY_ID=", "# destination  s3compat://destination?endpoint=http://127.0.0.1:"} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("up does not print %q:\n%s", want, &first)
		}
	}
	if err := up(t.Context(), dir, &second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("# the servers are up already\n"+first.String(), second.String()); diff != "" {
		t.Errorf("the second up prints other things: %s", diff)
	}
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := down(t.Context(), dir, &out); err != nil || strings.Count(out.String(), "ended\n") != 3 {
		t.Errorf("down: %v\n%s", err, &out)
	}
	for _, server := range standing.Servers {
		if started(server.PID) == server.Started {
			t.Errorf("%s still runs", server.Name)
		}
	}
	left, err := os.ReadDir(dir) // of what is no server's
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(notes) {
		t.Errorf("left %v, %v", left, err)
	}
	out.Reset()
	if err := down(t.Context(), dir, &out); err != nil || out.String() != "nothing is up\n" {
		t.Errorf("the second down: %v, %s", err, &out)
	}
}

// A process that got the id of a server that is gone is none of ours.
func TestEndLeavesAnotherProcessAlone(t *testing.T) {
	t.Parallel()
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	for _, before := range []string{"1", ""} {
		ended, err := end(t.Context(), running{Name: "aws", PID: other.Process.Pid, Started: before})
		if err != nil || ended != "was not running" {
			t.Errorf("started %q: end says %q, %v", before, ended, err)
		}
	}
	if started(other.Process.Pid) == "" {
		t.Error("the other process is gone")
	}
}

func TestRunSaysWhatItCanDo(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{nil, {"sideways"}, {"up", "down"}} {
		if err := run(t.Context(), arguments, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "up|demo|down") {
			t.Errorf("%s: %v", fmt.Sprint(arguments), err)
		}
	}
}
