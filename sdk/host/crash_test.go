package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

// signal sends a signal to the plugin's process and returns its process id.
func signal(tb testing.TB, bucket driver.Bucket, signal syscall.Signal) int {
	tb.Helper()
	pid := pidOf(tb, bucket)
	if err := syscall.Kill(pid, signal); err != nil {
		tb.Fatal(err)
	}
	if signal == syscall.SIGSTOP {
		awaitStop(tb, pid)
	}
	return pid
}

// awaitStop waits until all threads of a process have stopped: until then it may answer.
// Where there is no /proc it waits for nothing.
func awaitStop(tb testing.TB, pid int) {
	tb.Helper()
	look := time.NewTicker(time.Millisecond) // it is no event to others than the parent
	defer look.Stop()
	for ; ; <-look.C {
		running := false
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			tb.Fatal(err)
		}
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			running = running || err == nil && !strings.Contains(string(stat), ") T ")
		}
		if !running {
			return
		}
	}
}

func TestCallsSurviveACrash(t *testing.T) {
	t.Parallel()
	for _, sent := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(sent.String(), func(t *testing.T) {
			t.Parallel()
			bucket := open(t, host.Options{})
			if _, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a"}); err != nil {
				t.Fatal(err)
			}
			before := signal(t, bucket, sent)
			if _, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a"}); err != nil {
				t.Fatal(err)
			}
			if after := pidOf(t, bucket); after == before {
				t.Error("the same process answers")
			}
		})
	}
}

// The call that ends the process itself is repeated on the next one.
func TestIdempotentCallIsRepeated(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	key := "exit-once " + filepath.Join(t.TempDir(), "done")
	object, err := bucket.Stat(t.Context(), driver.StatRequest{Key: key})
	if err != nil || object.Key != key {
		t.Errorf("got %v, %v", object, err)
	}
}

func TestCallThatAlwaysCrashesGivesUp(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	pidOf(t, bucket)
	_, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "exit"})
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Kind != driver.KindUnavailable || failure.Code != "PluginCrashed" {
		t.Fatalf("got %v", err)
	}
	if want := "plugin fake crashed: it exited with status 3: fatal error: exit was asked for"; failure.Message != want {
		t.Errorf("got %q, want %q", failure.Message, want)
	}
	pidOf(t, bucket) // other calls go on
}

func TestCrashLoopIsBroken(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	for range 2 {
		_, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "exit"})
		if driver.KindOf(err) == driver.KindFatal {
			break
		}
	}
	_, err := bucket.List(t.Context(), driver.ListRequest{})
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Kind != driver.KindFatal || failure.Code != "PluginCrashLoop" {
		t.Fatalf("got %v", err)
	}
	want := "plugin fake failed 5 times within 1m0s and is not started again; the last time it exited with status 3: fatal error: exit was asked for"
	if failure.Message != want {
		t.Errorf("got %q, want %q", failure.Message, want)
	}
}

// An upload that may have been created must not be created twice.
func TestCreateUploadIsNotRepeated(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	uploader := bucket.(driver.Uploader) //nolint:forcetypeassert // declared by the session
	key := "exit " + filepath.Join(t.TempDir(), "created")
	_, err := uploader.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: key})
	var failure *driver.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}
	want := driver.Error{
		Op: "CreateUpload", Key: key, Kind: driver.KindUnavailable, Code: "PluginCrashed",
		Message: "plugin fake crashed: it exited with status 3: panic: create fell over",
	}
	if diff := cmp.Diff(want, *failure); diff != "" {
		t.Error(diff)
	}
	signal(t, bucket, syscall.SIGKILL)
	begin := time.Now()
	for { // a crash that is known before the call is sent does not fail it
		_, err := uploader.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"})
		if err == nil {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("after a known crash: %v", err)
		}
	}
}

func TestConcurrentCallsSurviveCrashes(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	const callers, calls, crashes = 32, 200, 5
	answered := make(chan struct{}, callers*calls)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range calls {
				key := fmt.Sprintf("%d-%d", caller, i)
				exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: key})
				if err != nil {
					t.Errorf("%s: %v", key, err)
				} else if !strings.HasSuffix(exchange.URL, "/"+key) {
					t.Errorf("%s got the answer to %s", key, exchange.URL)
				}
				answered <- struct{}{}
			}
		})
	}
	group.Go(func() { // each crash comes in the midst of the calls
		for n := range callers * calls {
			select {
			case <-answered:
			case <-t.Context().Done():
				return
			}
			if n%(callers*calls/(crashes+1)) == callers {
				signal(t, bucket, syscall.SIGKILL)
			}
		}
	})
	group.Wait()
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	for _, sent := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL, syscall.SIGCONT} {
		t.Run(sent.String(), func(t *testing.T) {
			t.Parallel()
			bucket := open(t, host.Options{})
			pid := signal(t, bucket, sent)
			if err := bucket.Close(); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d is still there: %v", pid, err)
			}
		})
	}
}

// A plugin's log lines keep their level and carry its name; the panic of a driver call is among them.
func TestLogLinesCross(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	logger := hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug})
	bucket := open(t, host.Options{Logger: logger})
	if _, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "panic"}); err == nil {
		t.Fatal("no error")
	}
	if err := bucket.Close(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if !strings.Contains(text, "[ERROR] fake: panic in a driver call") {
		t.Errorf("no panic in the log:\n%s", text)
	}
	if strings.Contains(text, "canary") {
		t.Errorf("a signature in the log:\n%s", text)
	}
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
