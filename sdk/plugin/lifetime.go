//go:build unix

package plugin

import (
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/dth-dev/dth/sdk/internal/wire"
)

// watchHost ends this process, and whatever it started, when the host dies or
// asks for it. The host's death shows as the end of the liveness pipe on every
// system, and on Linux as the SIGTERM that the host arranged with the kernel.
func watchHost() {
	fd, err := strconv.Atoi(os.Getenv(wire.LivenessVariable))
	hosted := err == nil
	var sockets string // the private folder that the host made for this process
	if hosted {
		sockets = os.Getenv(goplugin.EnvUnixSocketDir)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		end(sockets)
	}()
	if !hosted {
		return // started by a debugger, say: there is no host to watch
	}
	syscall.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "liveness")
	go func() {
		_, _ = pipe.Read(make([]byte, 1)) // nothing is ever written: it returns at the end
		end(sockets)
	}()
}

// end removes this process's socket and kills its process group, itself included.
func end(sockets string) {
	removeSockets(sockets)
	if pid := os.Getpid(); syscall.Getpgrp() == pid {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	os.Exit(1)
}

// removeSockets removes the sockets in the private folder, and the folder when that
// empties it. The host would, but it may be gone. Without a host the folder is not
// private: other programs may have theirs there.
func removeSockets(dir string) {
	if dir == "" {
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if entry.Type() == fs.ModeSocket {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
	_ = os.Remove(dir)
}
