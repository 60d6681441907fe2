package cloud

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingNamesTheToolAndItsPackage(t *testing.T) {
	nothing := t.TempDir()
	everything := os.Getenv("PATH")
	cases := map[string]struct {
		kind Kind
		path string
		want []string
	}{
		"no Python":  {MiniStack, nothing, []string{"ministack needs python3", "package python3-venv"}},
		"no npm":     {FauxQS, nothing, []string{"fauxqs needs npm", "package npm"}},
		"no node":    {FauxQS, onlyNPM(t), []string{"fauxqs needs node", "package nodejs"}},
		"no install": {Moto, everything, []string{"moto is not installed", "make cloud-tools"}},
		"unknown":    {"azure", everything, []string{`no emulator "azure"`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DTH_TOOLS", filepath.Join(nothing, "bin"))
			t.Setenv("PATH", c.path)
			err := Missing(c.kind)
			for _, want := range c.want {
				// A machine without the program itself says that first.
				if err == nil || !strings.Contains(err.Error(), want) && c.path != everything {
					t.Errorf("the error is %v, want %q in it", err, want)
				}
			}
			if _, err := Start(t.Context(), Config{Kind: c.kind, Dir: nothing}); err == nil {
				t.Error("it starts")
			}
		})
	}
}

// onlyNPM returns a PATH with an npm and nothing else.
func onlyNPM(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// judge is a test that notes how it was ended instead of ending.
type judge struct {
	testing.TB
	skipped, failed bool
}

func (j *judge) Helper()              {}
func (j *judge) Fatal(...any)         { j.failed = true }
func (j *judge) Skipf(string, ...any) { j.skipped = true }

func TestRequireSkipsAndInCIFails(t *testing.T) {
	t.Setenv("DTH_TOOLS", filepath.Join(t.TempDir(), "bin"))
	for disallowed, want := range map[string]judge{"": {skipped: true}, "1": {failed: true}} {
		t.Setenv("DTH_TEST_DISALLOW_SKIP", disallowed)
		got := judge{}
		Require(&got, MiniStack)
		if got != want {
			t.Errorf("with DTH_TEST_DISALLOW_SKIP=%q it is %+v, want %+v", disallowed, got, want)
		}
	}
}
