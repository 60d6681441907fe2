package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pairsOf returns pairs of 100 objects that take so many microseconds each, beside
// starts that differ.
func pairsOf(name string, vendor, s3compat float64, requests map[string]float64) []passage {
	side := func(perObject, start float64) sided {
		return sided{Empty: result{CPU: start}, Run: result{Objects: 100, Seconds: 0.5, CPU: start + perObject*100/1e6}}
	}
	pairs := make([]passage, vendorPairs)
	for i := range pairs {
		pairs[i] = passage{Name: name, Vendor: side(vendor, 0.1), S3compat: side(s3compat, 0.9), Requests: requests}
	}
	return pairs
}

func TestVendorsAreJudgedByTheirObjectsAlone(t *testing.T) {
	t.Parallel()
	passages := pairsOf("to oss", 250, 200, map[string]float64{"PutObject": 1, "ListObjectsV2": 0.01})
	passages = append(passages, pairsOf("from cos", 300, 200, nil)...)
	passages = append(passages, pairsOf("from kodo", 500, 200, map[string]float64{"get": 1, "head": 1, "stat": 1})...)
	var told strings.Builder
	printPassages(&told, passages)
	var got []string
	for line := range strings.Lines(told.String()) {
		if fields := strings.Fields(line); len(fields) > 1 && (strings.Contains(line, "CPU per 4 KiB") || fields[0] == "to") {
			got = append(got, strings.Join(fields, " "))
		}
	}
	want := []string{
		"to oss 250 250–250 200 1.25 1.25–1.25 100 900 200 1.01 (PutObject 1.00)",
		"kept CPU per 4 KiB object to oss, of s3compat's: 1.25 (bar: 1.30)",
		"MISSED CPU per 4 KiB object from cos, of s3compat's: 1.50 (bar: 1.30)",
		"stated CPU per 4 KiB object from kodo, of s3compat's: 2.50, at 3.00 requests an object",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, told.String())
	}
}
