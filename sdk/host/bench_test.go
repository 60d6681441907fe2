package host_test

import (
	"fmt"
	"math/rand/v2"
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

// BenchmarkSign has a GET and a PUT signed for each object and reports the CPU time of both
// processes for one object. "busy" callers do nothing else, "paced" ones wait for a store
// after each signature, as a copy does; the same with a driver in this process shows what
// the pace costs by itself.
func BenchmarkSign(b *testing.B) {
	for _, store := range []time.Duration{0, 4 * time.Millisecond} {
		pace := map[bool]string{true: "busy", false: "paced"}[store == 0]
		for _, callers := range []int{1, 8, 64, 256} {
			b.Run(fmt.Sprintf("%s/callers=%d", pace, callers), func(b *testing.B) {
				bucket := open(b, host.Options{})
				signObjects(b, bucket, pidOf(b, bucket), callers, store)
			})
		}
	}
	b.Run("paced/callers=64/in-process", func(b *testing.B) {
		signObjects(b, &fakeBucket{}, os.Getpid(), 64, 4*time.Millisecond)
	})
}

// signObjects has b.N objects signed by that many callers.
func signObjects(b *testing.B, bucket driver.Bucket, plugin, callers int, store time.Duration) {
	b.Helper()
	now := time.Now()
	object := func(key string) error {
		if _, err := bucket.SignGet(b.Context(), driver.GetRequest{Key: key, Now: now}); err != nil {
			return err
		}
		wait(store)
		put := driver.PutRequest{Key: key, Size: 4096, Attributes: driver.Attributes{ContentType: "text/plain"}, Now: now}
		_, err := bucket.SignPut(b.Context(), put)
		wait(store)
		return err
	}
	b.ReportAllocs()
	hostBefore, pluginBefore := ownCPU(b), processCPU(b, plugin)
	b.ResetTimer()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := caller; i < b.N; i += callers {
				if err := object("folder/object-" + strconv.Itoa(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(ownCPU(b)-hostBefore)/1e3/float64(b.N), "host-µs/op")
	b.ReportMetric(float64(processCPU(b, plugin)-pluginBefore)/1e3/float64(b.N), "plugin-µs/op")
}

// wait stands for a store that takes between half and one and a half times as long.
func wait(store time.Duration) {
	if store > 0 {
		<-time.After(store/2 + rand.N(store))
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
