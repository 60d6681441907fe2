package drivertest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuide runs the plugin of docs/writing-a-plugin.md with the guide's own
// test, as if both were a package of this module.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/writing-a-plugin.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	names := []string{"main.go", "main_test.go"}
	if len(blocks) != len(names) {
		t.Fatalf("the guide has %d blocks of Go, want the plugin and its test", len(blocks))
	}
	directory := t.TempDir()
	overlay := map[string]map[string]string{"Replace": {}}
	for i, name := range names {
		code, _, _ := strings.Cut(blocks[i], "```\n")
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(here, "guide", name)] = path
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "overlay.json")
	if err := os.WriteFile(path, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(directory, "guide.test")
	output, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", binary, "-overlay", path, "./guide").CombinedOutput()
	if err != nil {
		t.Fatalf("the guide's plugin does not compile: %v\n%s", err, output)
	}
	output, err = exec.CommandContext(t.Context(), binary, "-test.v").CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte(" 0 failed, ")) {
		t.Errorf("the guide's plugin does not pass its test: %v\n%s", err, output)
	}
	unformatted, err := exec.CommandContext(t.Context(), "gofmt", "-l", directory).CombinedOutput()
	if err != nil || len(unformatted) != 0 {
		t.Errorf("the guide's code is not as gofmt writes it: %v\n%s", err, unformatted)
	}
}
