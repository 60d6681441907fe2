package main

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	for _, command := range []string{
		"", "sync", "copy", "plan", "finder", "worker", "verify", "status", "retry",
		"dlq", "dlq list", "dlq show", "dlq redrive", "dlq purge", "deploy", "deploy up", "deploy status", "deploy logs", "deploy delete", "plugin list", "config show", "version",
	} {
		t.Run(command, func(t *testing.T) {
			t.Setenv("COLUMNS", "100") // the width that kong wraps at
			got := inProcess(t, nil, append(strings.Fields(command), "--help")...)
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("exit code %d, %s", got.code, got.stderr)
			}
			golden(t, "help/"+strings.Join(append([]string{"dth"}, strings.Fields(command)...), "-")+".txt", got.stdout)
		})
	}
}

func TestHelpListsExitCodes(t *testing.T) {
	t.Parallel()
	got := inProcess(t, nil, "--help")
	for code, meaning := range []string{
		"all done", "failed or were skipped", "usage", "configuration, credentials, plugin, or a store that cannot be used", "interrupted", "differences found", "already running", "guard",
	} {
		if !strings.Contains(got.stdout, "  "+string(rune('0'+code))+"  ") || !strings.Contains(got.stdout, meaning) {
			t.Errorf("--help does not tell exit code %d (%s)", code, meaning)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := inProcess(t, nil, "version")
	if got.code != 0 || !strings.HasPrefix(got.stdout, "dth "+version+" (go") {
		t.Errorf("%+v", got)
	}
}
