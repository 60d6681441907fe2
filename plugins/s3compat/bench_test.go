package main

import (
	"os"
	"testing"

	"github.com/dth-dev/dth/tests/bench/inprocess"
)

// BenchmarkSyncInProcess copies DTH_BENCH_SOURCE to DTH_BENCH_DESTINATION with
// this driver linked in, for `make bench`, which compares that with the plugin
// process.
func BenchmarkSyncInProcess(b *testing.B) {
	for b.Loop() {
		err := inprocess.Sync(b.Context(), store{}, os.Getenv("DTH_BENCH_SOURCE"), os.Getenv("DTH_BENCH_DESTINATION"), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
	}
}
