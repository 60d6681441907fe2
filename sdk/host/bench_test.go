package host_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

// BenchmarkSign has a GET and a PUT signed for each object by 1 to 64 callers and reports
// the CPU time of both processes for one object.
func BenchmarkSign(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			bucket := open(b, host.Options{})
			pid := pidOf(b, bucket)
			now := time.Now()
			b.ReportAllocs()
			hostBefore, pluginBefore := ownCPU(b), processCPU(b, pid)
			b.ResetTimer()
			var group sync.WaitGroup
			for caller := range callers {
				group.Go(func() {
					for i := caller; i < b.N; i += callers {
						key := "folder/object-" + strconv.Itoa(i)
						if _, err := bucket.SignGet(b.Context(), driver.GetRequest{Key: key, Now: now}); err != nil {
							b.Error(err)
							return
						}
						put := driver.PutRequest{Key: key, Size: 4096, Attributes: driver.Attributes{ContentType: "text/plain"}, Now: now}
						if _, err := bucket.SignPut(b.Context(), put); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.StopTimer()
			b.ReportMetric(float64(ownCPU(b)-hostBefore)/1e3/float64(b.N), "host-µs/op")
			b.ReportMetric(float64(processCPU(b, pid)-pluginBefore)/1e3/float64(b.N), "plugin-µs/op")
		})
	}
}

// BenchmarkList reads pages of 1,000 keys.
func BenchmarkList(b *testing.B) {
	bucket := open(b, host.Options{})
	pid := pidOf(b, bucket)
	b.ReportAllocs()
	hostBefore, pluginBefore := ownCPU(b), processCPU(b, pid)
	for b.Loop() {
		if _, err := bucket.List(b.Context(), driver.ListRequest{Prefix: "folder/of/some/depth/", MaxKeys: 1000}); err != nil {
			b.Fatal(err)
		}
	}
	keys := float64(b.N) * 1000
	b.ReportMetric(float64(ownCPU(b)-hostBefore)/keys, "host-ns/key")
	b.ReportMetric(float64(processCPU(b, pid)-pluginBefore)/keys, "plugin-ns/key")
}

// ownCPU returns the CPU time of this process in nanoseconds.
func ownCPU(tb testing.TB) int64 {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// processCPU returns the CPU time of another process in nanoseconds, as
// /proc counts it: in ticks of 10 ms. It is 0 where there is no /proc.
func processCPU(tb testing.TB, pid int) int64 {
	tb.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(rest) // from the third field of proc(5) on
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return (user + system) * int64(10*time.Millisecond)
}
