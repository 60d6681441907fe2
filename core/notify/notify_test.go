package notify_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/notify"
)

// systemd listens where the environment says from now on. The tests of this
// package share one environment, and so run one after the other.
func systemd(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return socket
}

// told returns the next thing that systemd is told.
func told(t *testing.T, socket *net.UnixConn) string {
	t.Helper()
	text := make([]byte, 4096)
	n, err := socket.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

func TestSystemdIsTold(t *testing.T) {
	sockets := map[string]string{
		"path":          filepath.Join(t.TempDir(), "notify"),
		"abstract name": "@dth-notify-test-" + strconv.Itoa(os.Getpid()),
	}
	for name, address := range sockets {
		t.Run(name, func(t *testing.T) {
			socket := systemd(t, address)
			for want, tell := range map[string]func() error{
				"READY=1":               notify.Ready,
				"STOPPING=1":            notify.Stopping,
				"STATUS=2 runs, 1 done": func() error { return notify.Status("2 runs,\n1 done") },
			} {
				if err := tell(); err != nil {
					t.Error(err)
				} else if got := told(t, socket); got != want {
					t.Errorf("systemd is told %q, want %q", got, want)
				}
			}
		})
	}
}

func TestWithoutSystemdNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	if err := errors.Join(notify.Ready(), notify.Status("idle"), notify.Stopping()); err != nil {
		t.Error(err)
	}
	dog, err := notify.Watch(notify.Options{Health: func() error { t.Error("asked for nobody"); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	dog.Close()
}

func TestSystemdThatIsGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := notify.Ready(); err == nil {
		t.Error("READY=1 was told to nobody")
	}
}

func TestWatchdog(t *testing.T) {
	socket := systemd(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "60000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	var stuck atomic.Pointer[error]
	ticks := make(chan time.Time)
	dog, err := notify.Watch(notify.Options{
		Health: func() error {
			if err := stuck.Load(); err != nil {
				return *err
			}
			return nil
		},
		Ticks: ticks, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	got = append(got, told(t, socket)) // at once
	ticks <- time.Time{}
	got = append(got, told(t, socket))
	reason := errors.New("no message for 5m0s")
	stuck.Store(&reason)
	for range 3 {
		ticks <- time.Time{}
	}
	got = append(got, told(t, socket))
	stuck.Store(nil)
	ticks <- time.Time{}
	got = append(got, told(t, socket))
	dog.Close()
	dog.Close()
	want := []string{"WATCHDOG=1", "WATCHDOG=1", "STATUS=no progress: no message for 5m0s", "WATCHDOG=1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("systemd is told (-want +got):\n%s", diff)
	}
}

func TestWatchdogKeepsItsOwnTime(t *testing.T) {
	socket := systemd(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "2000")
	dog, err := notify.Watch(notify.Options{Health: func() error { return nil }, Logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer dog.Close()
	for range 3 {
		if got := told(t, socket); got != "WATCHDOG=1" {
			t.Errorf("systemd is told %q", got)
		}
	}
}

func TestWatchdogOfAnotherProcess(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "60000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getppid()))
	dog, err := notify.Watch(notify.Options{Health: func() error { t.Error("asked for another process"); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	dog.Close()
}

func TestWatchdogNamesWhatItCannotRead(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "a minute")
	if _, err := notify.Watch(notify.Options{}); err == nil {
		t.Error("WATCHDOG_USEC that is no number is taken")
	}
}
