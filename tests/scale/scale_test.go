package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/dth-dev/dth/tests/cloud/standin"
	"github.com/dth-dev/dth/tests/scale/trial"
)

// install builds dth and the plugin that the trial needs into a folder.
func install(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for from, to := range map[string]string{"./cmd/dth": "dth", "./plugins/s3compat": "plugins/dth-plugin-s3compat"} {
		command := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, to), from)
		command.Dir = filepath.Join("..", "..")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", from, err, out)
		}
	}
	manifest, err := os.ReadFile(filepath.Join("..", "..", "plugins", "s3compat", "dth-plugin-s3compat.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "plugins", "dth-plugin-s3compat.yaml"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestUnitCosts: what docs/scale.md counts on, for 20,000 objects. Times are not looked
// at; counts are, and the memory, which docs/scale.md promises not to grow.
func TestUnitCosts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("not run: the memory of processes is read from /proc")
		return
	}
	const objects = 20_000
	tools := t.TempDir()
	if err := trial.Build(t.Context(), filepath.Join("..", ".."), tools); err != nil {
		t.Fatal(err)
	}
	result, err := trial.Run(t.Context(), trial.Config{Bin: install(t), Tools: tools, Objects: objects})
	if err != nil {
		t.Fatal(err)
	}
	if result.Copied != objects {
		t.Errorf("the destination has %d objects, want %d", result.Copied, objects)
	}
	records, parts := result.Done.Tables[standin.ObjectsTable], result.Done.Tables[standin.PartsTable]
	for _, c := range []struct {
		name      string
		got, most int64
	}{
		{"messages", int64(result.Sent.Left()), objects / 100},
		{"requests to SQS", int64(result.Done.Requests()), objects * 2 / 100},
		{"chunks that SQS bills", result.Done.Chunks - int64(result.Done.Queues["empty"]), objects * 2 / 100},
		{"writes of records", records.Writes, objects},
		{"write units of records", records.WriteUnits, objects},
		{"write units in both tables", records.WriteUnits + parts.WriteUnits, objects * 105 / 100},
		{"read units of records", records.ReadUnits, objects * 105 / 100},
		{"bytes of records", records.Bytes, objects * 300},
		{"dead letters", int64(result.Done.Messages[standin.DeadLetterQueue]), 0},
		{"memory of the finder", result.Finder.HostPeak, 128 << 20},
		{"memory of the worker", result.Worker.HostPeak, 128 << 20},
	} {
		if c.got > c.most {
			t.Errorf("%s: %d, at most %d", c.name, c.got, c.most)
		}
	}
	if records.Items != objects {
		t.Errorf("%d records, want %d", records.Items, objects)
	}
}
