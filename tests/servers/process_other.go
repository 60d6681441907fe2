//go:build !linux

package servers

import "os/exec"

func isolate(*exec.Cmd) {}

func detach(*exec.Cmd) {}

func terminate(command *exec.Cmd) { kill(command) }

func kill(command *exec.Cmd) { _ = command.Process.Kill() }
