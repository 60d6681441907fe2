package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process and its children took.
type usage struct {
	wall        time.Duration
	cpu         time.Duration // user and system, children included
	pluginCPU   time.Duration // the children's share, sampled
	hostPeak    int64         // bytes resident at most, sampled
	pluginPeaks []int64       // the same for each child
}

// observe runs the command to its end. CPU comes from wait4, which counts a
// process and the children that it waited for; peaks come from /proc, because
// wait4 tells only the largest of the family.
func observe(ctx context.Context, command *exec.Cmd) (usage, error) {
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	begun := time.Now()
	if err := command.Start(); err != nil {
		return usage{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	family := family{pid: command.Process.Pid, peaks: map[int]int64{}, cpu: map[int]time.Duration{}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = command.Process.Signal(os.Interrupt)
			return usage{}, errors.Join(ctx.Err(), <-ended)
		case <-tick.C:
			family.sample()
		case err := <-ended:
			wall := time.Since(begun)
			if err != nil {
				return usage{}, fmt.Errorf("%w\n%s", err, lastLines(output.String(), 20))
			}
			return family.usage(wall, command.ProcessState)
		}
	}
}

// family samples a process and its children.
type family struct {
	pid     int
	samples int
	peaks   map[int]int64 // by process id, the process itself included
	cpu     map[int]time.Duration
}

func (f *family) sample() {
	if f.samples%10 == 0 { // children come at the start and stay
		for _, child := range childrenOf(f.pid) {
			f.peaks[child] = max(f.peaks[child], 0)
		}
		f.peaks[f.pid] = max(f.peaks[f.pid], 0)
	}
	f.samples++
	for pid := range f.peaks {
		if peak, ok := peakOf(pid); ok {
			f.peaks[pid] = peak
		}
		if fields, ok := statOf(pid); ok {
			f.cpu[pid] = ticks(fields[11]) + ticks(fields[12])
		}
	}
}

func (f *family) usage(wall time.Duration, state *os.ProcessState) (usage, error) {
	u := usage{wall: wall, cpu: state.UserTime() + state.SystemTime(), hostPeak: f.peaks[f.pid]}
	sampled := f.cpu[f.pid]
	for _, pid := range slices.Sorted(maps.Keys(f.peaks)) {
		if pid != f.pid {
			u.pluginPeaks = append(u.pluginPeaks, f.peaks[pid])
			u.pluginCPU += f.cpu[pid]
			sampled += f.cpu[pid]
		}
	}
	if len(u.pluginPeaks) == 0 {
		u.hostPeak = state.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	if u.cpu < sampled*9/10 {
		return u, fmt.Errorf("wait4 counts %v but /proc showed %v: a child was not waited for, so its CPU would be missing", u.cpu, sampled)
	}
	return u, nil
}

// peakOf returns VmHWM of a process in bytes.
func peakOf(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, false
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10, err == nil
}

// statOf returns the fields of /proc/PID/stat from the third on (proc(5)).
func statOf(pid int) ([]string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields, len(fields) > 12
}

// ticks converts a count of clock ticks, which Linux fixes at 100 a second for
// user space.
func ticks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * (time.Second / 100)
}

func childrenOf(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var children []int
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields, ok := statOf(id); ok && fields[1] == strconv.Itoa(pid) {
			children = append(children, id)
		}
	}
	return children
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
