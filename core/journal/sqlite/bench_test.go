package sqlite

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

func benchRecord(i int) journal.Record {
	return journal.Record{
		Key:             fmt.Sprintf("photos/2026/%02d/IMG_%08d.jpg", i/100_000, i),
		Run:             "20261123T065626Z-1f3a",
		Outcome:         journal.OutcomeDone,
		Size:            4096,
		SourceETag:      fmt.Sprintf("%032x", i*7919),
		DestinationETag: fmt.Sprintf("%032x", i*7919),
		Checksum:        driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "01234567"},
		Grade:           journal.GradeBoth,
		At:              time.Unix(1_790_000_000, 123_456_789).UTC(),
	}
}

// fill appends count records in groups of 500.
func fill(tb testing.TB, j journal.Journal, count int) {
	tb.Helper()
	group := make([]journal.Record, 0, 500)
	for i := range count {
		group = append(group, benchRecord(i))
		if len(group) == cap(group) || i == count-1 {
			if err := j.Append(tb.Context(), group); err != nil {
				tb.Fatal(err)
			}
			group = group[:0]
		}
	}
}

// BenchmarkAppend appends 500 records in one call, keys ascending as a listing
// delivers them.
func BenchmarkAppend(b *testing.B) {
	j := newStore(b).Open(b)
	group := make([]journal.Record, 500)
	next := 0
	began := processorTime(b)
	for b.Loop() {
		for i := range group {
			group[i] = benchRecord(next)
			next++
		}
		if err := j.Append(b.Context(), group); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/float64(next), "cpu-ns/record")
}

// BenchmarkScan reads 200,000 records in key order.
func BenchmarkScan(b *testing.B) {
	const rows = 200_000
	j := newStore(b).Open(b)
	fill(b, j, rows)
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		seen := 0
		for _, err := range j.Scan(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			seen++
		}
		if seen != rows {
			b.Fatalf("scan yielded %d of %d records", seen, rows)
		}
	}
	b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/float64(b.N)/rows, "cpu-ns/row")
}

// processorTime returns what the process has used so far; unlike the clock it says the
// same on a busy machine.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
