package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Check returns the path of a program that checks the template of a fleet: cfn-lint,
// checkov or shellcheck. Where it is not installed the test is not run, as by [Require].
func Check(t testing.TB, name string) string {
	t.Helper()
	dir, err := toolsDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cfn", "bin", name)
	if _, err := os.Stat(path); err != nil {
		notRun(t, fmt.Errorf("%s is not installed (%w): install python3 with the package python3-venv, then run \"make cloud-tools\"", name, err))
	}
	return path
}

// notRun ends a test that needs what the machine has not.
func notRun(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("DTH_TEST_DISALLOW_SKIP") == "1" {
		t.Fatal(err)
	} else {
		t.Skipf("not run: %v", err)
	}
}
