//go:build unix

package credentials

import (
	"os/exec"
	"syscall"
)

// endWithChildren makes the deadline end the command together with whatever it
// started.
func endWithChildren(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}
