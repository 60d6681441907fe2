package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The most memory that may be resident, in bytes.
const (
	hostMemory   = 128 << 20
	pluginMemory = 64 << 20
)

// TestMemory copies one giant object and very many tiny ones and looks at the peaks.
func TestMemory(t *testing.T) {
	for name, test := range map[string]struct {
		objects int
		size    int64
	}{
		"one object of 5 GiB":      {1, 5 << 30},
		"200,000 objects of 100 B": {200_000, 100},
	} {
		t.Run(name, func(t *testing.T) {
			source, destination := startNull(t, fmt.Sprintf("%dx%d", test.objects, test.size)), startNull(t, "0x0")
			p := newProgram(t, append(keys("SRC", "source", "source-secret"), keys("DST", "destination", "destination-secret")...)...)
			begun := time.Now()
			r := p.start("sync", nullAt(source, "env:SRC"), nullAt(destination, "env:DST"), "--json")
			host, plugins := r.peaks()
			got := r.wait()
			if got.code != 0 {
				t.Fatalf("exit code %d: %s", got.code, got.stderr)
			}
			if report := got.report(t); report.Objects.Copied != int64(test.objects) || report.Bytes.Copied != int64(test.objects)*test.size {
				t.Errorf("copied %+v, %+v", report.Objects, report.Bytes)
			}
			t.Logf("in %s, peaks of resident memory: host %d MiB, plugins %v MiB", time.Since(begun).Round(time.Second), host>>20, mebibytes(plugins))
			if host == 0 || host > hostMemory {
				t.Errorf("host: %d MiB, want at most %d", host>>20, hostMemory>>20)
			}
			if len(plugins) != 2 {
				t.Errorf("%d plugins were seen, want 2", len(plugins))
			}
			for _, peak := range plugins {
				if peak > pluginMemory {
					t.Errorf("plugin: %d MiB, want at most %d", peak>>20, pluginMemory>>20)
				}
			}
		})
	}
}

// peaks watches dth to its end and returns the peaks of its process and of its plugins'.
func (r *running) peaks() (host int64, plugins []int64) {
	found := map[string]int64{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if peak := peakOf(strconv.Itoa(r.command.Process.Pid)); peak > 0 {
			host = peak
		}
		for _, pid := range r.plugins() {
			found[pid] = max(found[pid], peakOf(pid))
		}
		select {
		case <-r.ended:
			for _, peak := range found {
				plugins = append(plugins, peak)
			}
			return host, plugins
		case <-tick.C:
		}
	}
}

// plugins returns the ids of the plugin processes that dth runs at this moment.
func (r *running) plugins() []string {
	var found []string
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", r.command.Process.Pid))
	if err != nil {
		return nil
	}
	for _, path := range children {
		pids, _ := os.ReadFile(path) // a thread that has ended has none
		for _, pid := range strings.Fields(string(pids)) {
			program, err := os.Readlink("/proc/" + pid + "/exe")
			if err == nil && filepath.Dir(program) == pluginDir(installed) {
				found = append(found, pid)
			}
		}
	}
	return found
}

// peakOf returns VmHWM of a process in bytes; 0 when it has ended.
func peakOf(pid string) int64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kibibytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kibibytes << 10
}

func mebibytes(peaks []int64) []int64 {
	var rounded []int64
	for _, peak := range peaks {
		rounded = append(rounded, peak>>20)
	}
	return rounded
}
