package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// started says when a process started, in the system's own words; "" if there is none.
// The ids of processes are used again.
func started(pid int) string {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// proc(5): the name of the program, in parentheses, may contain anything; state
		// and start time are fields 3 and 22.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 20 || fields[0] == "Z" {
			return ""
		}
		return fields[19]
	}
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// end asks a server and its children to end, kills them if they do not, and says what
// became of them.
func end(ctx context.Context, server running) (string, error) {
	runs := func() bool { return server.Started != "" && started(server.PID) == server.Started }
	if !runs() {
		return "was not running", nil
	}
	for _, attempt := range []struct {
		signal syscall.Signal
		ended  string
	}{{syscall.SIGTERM, "ended"}, {syscall.SIGKILL, "killed"}} {
		if err := syscall.Kill(-server.PID, attempt.signal); err != nil && runs() {
			return "", fmt.Errorf("end %s, process %d: %w", server.Name, server.PID, err)
		}
		if gone(ctx, runs) {
			return attempt.ended, nil
		}
	}
	return "", fmt.Errorf("%s, process %d, does not end", server.Name, server.PID)
}

// gone waits up to 10 seconds for a process that is not our child.
func gone(ctx context.Context, runs func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for runs() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return !runs()
		}
	}
	return true
}
