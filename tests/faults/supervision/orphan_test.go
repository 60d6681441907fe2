//go:build linux

package supervision

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

// patience is how long the end of a process is waited for. It takes milliseconds, and
// longer where the machine is busy.
const patience = 30 * time.Second

// gone waits until a process has ended, and says whether it did in time.
func gone(t *testing.T, descriptor int, patience time.Duration) bool {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		left := time.Until(deadline)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, int(max(left, 0)/time.Millisecond))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

// watch returns a descriptor that becomes readable when the process ends.
func watch(t *testing.T, pid int) int {
	t.Helper()
	descriptor, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("watch process %d: %v", pid, err)
	}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0) // whatever a failed test left
		_ = unix.Close(descriptor)
	})
	return descriptor
}

// stop stops a process and waits until it has stopped, which only /proc tells to
// others than its parent.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), ") T ") {
			return
		}
	}
}

// A host that is killed leaves neither its plugin nor what that had started,
// and no socket.
func TestKilledHostLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]syscall.Signal{"running": 0, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			install(t, dir, "x")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command(self)
			command.Env = append(os.Environ(), hostDir+"="+dir)
			command.Stderr = os.Stderr
			stdout, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			pid := func() int {
				if !lines.Scan() {
					t.Fatal("the host said nothing")
				}
				n, err := strconv.Atoi(lines.Text())
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			pluginPID := pid()
			plugin, grandchild := watch(t, pluginPID), watch(t, pid())
			if state == syscall.SIGSTOP {
				stop(t, pluginPID)
			}
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // it was killed
			begin := time.Now()
			if !gone(t, plugin, patience) {
				t.Error("the plugin outlives its host")
			}
			if !gone(t, grandchild, patience) {
				t.Error("what the plugin started outlives its host")
			}
			t.Logf("all gone after %s", time.Since(begin))
			if sockets := socketsIn(dir); name == "running" && len(sockets) > 0 {
				t.Errorf("sockets are left: %q", sockets)
			}
			// The next host sweeps the folder itself.
			next, err := host.Start(t.Context(), install(t, t.TempDir(), "x"), host.Options{SocketDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if folders, _ := filepath.Glob(filepath.Join(dir, "dth-*", "*.lock")); len(folders) != 1 {
				t.Errorf("folders of dead hosts are left: %q", folders)
			}
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a plugin started ends with it, whether it is closed or killed.
func TestGrandchildEndsWithThePlugin(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, driver.Bucket) error{
		"closed": func(_ *testing.T, b driver.Bucket) error { return b.Close() },
		"killed": func(t *testing.T, b driver.Bucket) error { return syscall.Kill(pidOf(t, b), syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := host.Open(t.Context(), install(t, t.TempDir(), "x"), driver.OpenRequest{}, host.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			object, err := b.Stat(t.Context(), driver.StatRequest{Key: "spawn"})
			if err != nil {
				t.Fatal(err)
			}
			grandchild := watch(t, int(object.Size))
			if err := end(t, b); err != nil {
				t.Fatal(err)
			}
			if !gone(t, grandchild, patience) {
				t.Error("what the plugin started is still there")
			}
		})
	}
}

// Fifty crashes leave no goroutine, descriptor, process or socket behind.
func TestCrashesLeakNothing(t *testing.T) { // not parallel: it counts what the whole process has
	dir := shortDir(t)
	manifest := install(t, t.TempDir(), "x")
	crash := func(times int) {
		b, err := host.Open(t.Context(), manifest, driver.OpenRequest{}, host.Options{SocketDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			if _, err := b.SignGet(t.Context(), driver.GetRequest{}); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pidOf(t, b), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		pidOf(t, b)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	crash(1) // what is made once is made now
	before := count(t)
	crash(50)
	// Goroutines end on their own time: they are given some.
	deadline := time.NewTimer(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		after := count(t)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors && after.children <= before.children {
			break
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("before %+v, after %+v", before, after)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// Only the variables that a location needs reach its process.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	environ := []string{
		"HOME=/home/x", "PATH=/bin", "ALWAYS_1=1", "ALWAYSNOT=1", "HTTPS_PROXY=http://p", "no_proxy=n", "SSL_CERT_DIR=/c",
		"DEFAULT_SECRET=canary", "OTHER_SECRET=canary", "VAULT_TOKEN=canary",
		"SRC_ACCESS_KEY_ID=canary", "SRC_SECRET_ACCESS_KEY=canary", "SRC_SESSION_TOKEN=canary", "SRC_OTHER=canary",
		"DST_ACCESS_KEY_ID=canary", "DST_SECRET_ACCESS_KEY=canary",
	}
	always := []string{"ALWAYS_1", "HOME", "HTTPS_PROXY", "SSL_CERT_DIR", "no_proxy"}
	for reference, more := range map[string][]string{
		"":          {"DEFAULT_SECRET"},
		"env:SRC":   {"SRC_ACCESS_KEY_ID", "SRC_SECRET_ACCESS_KEY", "SRC_SESSION_TOKEN"},
		"env:DST":   {"DST_ACCESS_KEY_ID", "DST_SECRET_ACCESS_KEY"},
		"env:NONE":  nil,
		"profile:p": nil,
		"anonymous": nil,
		"secret:s":  {"VAULT_TOKEN"},
	} {
		t.Run(reference, func(t *testing.T) {
			t.Parallel()
			manifest := install(t, t.TempDir(), "x")
			b, err := host.Open(t.Context(), manifest, driver.OpenRequest{Credentials: reference}, host.Options{Environ: environ})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pidOf(t, b)), "environ"))
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]bool)
			for _, name := range append(more, always...) {
				want[name] = true
			}
			for entry := range strings.SplitSeq(strings.Trim(string(content), "\x00"), "\x00") {
				name, _, _ := strings.Cut(entry, "=")
				if !want[name] && !strings.HasPrefix(name, "PLUGIN_") && !strings.HasPrefix(name, "DTH_PLUGIN") {
					t.Errorf("%s reached the plugin", name)
				}
				delete(want, name)
			}
			for name := range want {
				t.Errorf("%s did not reach the plugin", name)
			}
			object, err := b.Stat(t.Context(), driver.StatRequest{Key: "stdin"})
			if err != nil || object.ETag != "0 EOF" {
				t.Errorf("stdin gave %q, %v", object.ETag, err)
			}
		})
	}
}

// Nobody but the host can talk to a plugin, not even another process of its user.
func TestStrangerIsRefused(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	b, err := host.Open(t.Context(), install(t, t.TempDir(), "x"), driver.OpenRequest{}, host.Options{SocketDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sockets := socketsIn(dir)
	if len(sockets) != 1 {
		t.Fatalf("sockets: %q", sockets)
	}
	info, err := os.Stat(filepath.Dir(sockets[0]))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v", info.Mode(), err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), strangerTo+"="+sockets[0])
	output, err := command.CombinedOutput()
	if err != nil || string(output) != "refused\n" {
		t.Errorf("a stranger was not refused: %s, %v", output, err)
	}
}

// socketsIn returns the sockets of all plugins below a folder.
func socketsIn(dir string) []string {
	entries, _ := filepath.Glob(filepath.Join(dir, "dth-*", "*", "*"))
	return slices.DeleteFunc(entries, func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || info.Mode().Type() != os.ModeSocket
	})
}
