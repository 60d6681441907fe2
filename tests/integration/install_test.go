package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// install copies what `make build` built, and builds beside it what only tests
// need: the plugin of the reference store, and the store that costs nothing.
func install(dir string) error {
	built, err := builtPrograms()
	if err != nil {
		return err
	}
	for _, folder := range []string{pluginDir(dir), sockets()} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
	}
	plugins, err := filepath.Glob(filepath.Join(built, "plugins", "dth-plugin-*"))
	if err != nil {
		return err
	}
	for _, path := range append(plugins, filepath.Join(built, "dth")) {
		relative, err := filepath.Rel(built, path)
		if err != nil {
			return err
		}
		if err := copyProgram(path, filepath.Join(dir, relative)); err != nil {
			return fmt.Errorf("%w: run \"make build\"", err)
		}
	}
	const mem = "../../sdk/memdriver/dth-plugin-mem"
	for _, target := range [][2]string{{mem, pluginDir(dir)}, {"../bench/nullstore", dir}} {
		command := exec.Command("go", "build", "-o", target[1], target[0])
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", target[0], err, output)
		}
	}
	return copyProgram(mem+"/dth-plugin-mem.yaml", filepath.Join(pluginDir(dir), "dth-plugin-mem.yaml"))
}

func pluginDir(dir string) string { return filepath.Join(dir, "plugins") }

// sockets is the folder below which plugins have their sockets.
func sockets() string { return filepath.Join(installed, "tmp") }

// builtPrograms returns $DTH_BIN, or else the folder bin of this module.
func builtPrograms() (string, error) {
	dir := os.Getenv("DTH_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin")
	}
	if _, err := os.Stat(filepath.Join(dir, "plugins", "dth-plugin-s3compat")); err != nil {
		return "", fmt.Errorf("the programs under test are not built (%w): run \"make build\"", err)
	}
	return dir, nil
}

func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Close())
}

// leftovers names the processes of ours that are still there, after a moment in which plugins may notice that their host is gone.
func leftovers() []string {
	deadline := time.After(time.Minute)
	look := time.NewTicker(50 * time.Millisecond) // the end of a process that is not our child is no event to us
	defer look.Stop()
	for {
		left := ourProcesses()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-deadline:
			return left
		case <-look.C:
		}
	}
}

// ourProcesses returns the processes that run our programs.
func ourProcesses() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []string
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		program, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err == nil && strings.HasPrefix(program, installed+"/") {
			found = append(found, fmt.Sprintf("process %s (%s)", entry.Name(), filepath.Base(program)))
		}
	}
	return found
}
