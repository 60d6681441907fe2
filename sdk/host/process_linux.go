package host

import "syscall"

// processAttributes puts the process in a group of its own and has the kernel send it
// SIGTERM when the host dies. SIGTERM rather than SIGKILL, because sdk/plugin
// answers it by killing the whole group: what the plugin started dies too.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
