//go:build unix && !linux

package host

import "syscall"

// processAttributes puts the process in a group of its own. The liveness pipe
// alone tells it that the host has died.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
