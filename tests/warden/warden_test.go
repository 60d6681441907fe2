package warden_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/tests/warden"
)

// victim tells this binary to be tests that are killed.
const victim = "DTH_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		os.Exit(warden.Run(m.Run))
	}
	os.Exit(warden.Run(func() int {
		folder := os.Getenv("TMPDIR")
		inside := exec.Command("/bin/sleep", "600")
		inside.Dir = folder
		inside.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		outside := exec.Command("/bin/sleep", "600")
		outside.Dir = "/"
		for _, process := range []*exec.Cmd{inside, outside} {
			if err := process.Start(); err != nil {
				panic(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, "file"), []byte("text"), 0o600); err != nil {
			panic(err)
		}
		fmt.Println(folder, inside.Process.Pid, outside.Process.Pid)
		if os.Getenv(victim) == "ends" {
			return 7
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // which does not end
		return 0
	}))
}

// Tests that end, and tests that are killed, leave neither their folder nor the processes
// that worked in it; other processes are left alone.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*os.Process) error{
		"ends":   func(*os.Process) error { return nil },
		"killed": func(p *os.Process) error { return p.Kill() },
		"asked":  func(p *os.Process) error { return p.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), victim+"="+name)
			if _, err := command.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			// The guard holds the other end of this one until it has done its work.
			done, held, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			command.Stderr = held
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			_ = held.Close()
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Fields(line)
			inside, _ := strconv.Atoi(told[1])
			outside, _ := strconv.Atoi(told[2])
			defer func() { _ = syscall.Kill(outside, syscall.SIGKILL) }()
			if err := end(command.Process); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // the code is asked for below
			if code := command.ProcessState.ExitCode(); name == "ends" && code != 7 {
				t.Errorf("it ended with %d", code)
			}
			if said, err := io.ReadAll(done); err != nil || len(said) > 0 {
				t.Errorf("the guard says %s, %v", said, err)
			}
			if _, err := os.Stat(told[0]); !os.IsNotExist(err) {
				t.Errorf("the folder is left: %v", err)
			}
			if err := syscall.Kill(inside, 0); err == nil && !zombie(inside) {
				t.Error("the process in the folder is left")
			}
			if err := syscall.Kill(outside, 0); err != nil {
				t.Errorf("the other process: %v", err)
			}
		})
	}
}

// zombie says whether a process has ended and nothing has asked how.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}
