package cost_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/cost"
)

var update = flag.Bool("update", false, "rewrite testdata and the numbers of docs/cost.md")

// load returns the prices with those of a text in their place.
func load(t *testing.T, override string) cost.Prices {
	t.Helper()
	prices, err := cost.Load(strings.NewReader(override))
	if err != nil {
		t.Fatal(err)
	}
	return prices
}

func estimate(t *testing.T, prices cost.Prices, plan cost.Plan) cost.Estimate {
	t.Helper()
	result, err := prices.Estimate(plan)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func written(t *testing.T, e cost.Estimate) string {
	t.Helper()
	var out bytes.Buffer
	if err := e.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as %s, which -update rewrites (-file +output):\n%s", path, diff)
	}
}

// usual is a fleet as the template launches it.
var usual = cost.Plan{Region: "us-east-1", WorkerType: "c7gn.medium", Workers: 20, MinWorkers: 1, FinderType: "m6g.large", FinderHoursPerMonth: 61}
