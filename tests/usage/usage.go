// Package usage measures what a process and its children take, and starts the servers that
// they talk to while they are measured.
package usage

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

// Usage is what a process and its children took.
type Usage struct {
	Wall        time.Duration
	CPU         time.Duration // user and system, children included
	PluginCPU   time.Duration // the children's share, sampled
	HostPeak    int64         // bytes resident at most, sampled
	PluginPeaks []int64       // bytes resident at most of each child
	Output      string        // the last lines that it printed
}

// Observe runs the command to its end. CPU comes from wait4, which counts a
// process and the children that it waited for; peaks come from /proc, because
// wait4 tells only the largest of the family.
func Observe(ctx context.Context, command *exec.Cmd) (Usage, error) {
	return ObserveUntil(ctx, command, nil)
}

// ObserveUntil is Observe that tells the command to end, by SIGTERM, when done does. It
// asks ten times a second.
func ObserveUntil(ctx context.Context, command *exec.Cmd, done func() (bool, error)) (Usage, error) {
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	begun := time.Now()
	if err := command.Start(); err != nil {
		return Usage{}, err
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
			return Usage{}, errors.Join(ctx.Err(), <-ended)
		case <-tick.C:
			family.sample()
			if done == nil || family.samples%5 != 0 {
				continue
			}
			if is, err := done(); is || err != nil {
				done = nil
				_ = command.Process.Signal(syscall.SIGTERM) // unless it has just ended
				if err != nil {
					return Usage{}, errors.Join(err, <-ended)
				}
			}
		case err := <-ended:
			wall := time.Since(begun)
			if err != nil {
				return Usage{}, fmt.Errorf("%w\n%s", err, lastLines(output.String(), 20))
			}
			u, err := family.usage(wall, command.ProcessState)
			u.Output = lastLines(output.String(), 20)
			return u, err
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

func (f *family) usage(wall time.Duration, state *os.ProcessState) (Usage, error) {
	u := Usage{Wall: wall, CPU: state.UserTime() + state.SystemTime(), HostPeak: f.peaks[f.pid]}
	sampled := f.cpu[f.pid]
	for _, pid := range slices.Sorted(maps.Keys(f.peaks)) {
		if pid != f.pid {
			u.PluginPeaks = append(u.PluginPeaks, f.peaks[pid])
			u.PluginCPU += f.cpu[pid]
			sampled += f.cpu[pid]
		}
	}
	if len(u.PluginPeaks) == 0 {
		u.HostPeak = state.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	if u.CPU < sampled*9/10 {
		return u, fmt.Errorf("wait4 counts %v but /proc showed %v: a child was not waited for, so its CPU would be missing", u.CPU, sampled)
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
