package warden

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// detach gives the process a session of its own.
func detach(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// endProcesses kills the processes that work in the folder or run from it, and says
// whether there were any.
func endProcesses(folder string) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	found := false
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		works, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd")) // those of others cannot be read
		runs, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if within(folder, works) || within(folder, runs) {
			found = true
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
		}
	}
	return found
}

// endWithGo ends this process when the "go test" that started it ends, which does not end
// its tests when it is killed.
func endWithGo() {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return // by hand
	}
	descriptor, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return
	}
	go func() {
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, -1)
			if n == 1 {
				os.Exit(1)
			}
			if err != nil && err != unix.EINTR {
				return
			}
		}
	}()
}
