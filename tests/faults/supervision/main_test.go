// Package supervision breaks plugins and hosts in every way that is known to
// happen and checks that nothing hangs, leaks, survives or stays unexplained.
package supervision

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/sdk/plugin"
)

// What this test binary is told to be by its environment.
const (
	hostDir    = "DTH_TEST_HOST_OF"     // a host of the plugin in that folder
	strangerTo = "DTH_TEST_STRANGER_TO" // a stranger who tries that socket
)

// TestMain lets this test binary be a plugin and a host as well.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); {
	case name == "dth-plugin-early-panic":
		panic("the configuration is missing")
	case strings.HasPrefix(name, "dth-plugin-"):
		plugin.Serve(breakable{})
	case os.Getenv(hostDir) != "":
		beHost(os.Getenv(hostDir))
	case os.Getenv(strangerTo) != "":
		beStranger(os.Getenv(strangerTo))
	default:
		os.Exit(m.Run())
	}
}

// beHost opens a bucket, has its plugin start a process, prints the process ids of both and
// waits to be killed.
func beHost(dir string) {
	manifests, err := host.Find([]string{dir})
	if err != nil {
		panic(err)
	}
	bucket, err := host.Open(context.Background(), manifests[0], driver.OpenRequest{}, host.Options{SocketDir: dir})
	if err != nil {
		panic(err)
	}
	for _, key := range []string{"pid", "spawn"} {
		object, err := bucket.Stat(context.Background(), driver.StatRequest{Key: key})
		if err != nil {
			panic(err)
		}
		fmt.Println(object.Size)
	}
	select {}
}

// beStranger says "refused" when the plugin behind the socket does not speak to it. A gRPC
// server speaks first, with its settings (RFC 9113 section 3.4).
func beStranger(socket string) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		panic(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		panic("the plugin answers")
	}
	fmt.Println("refused")
}

// install puts this binary into a folder as the plugin of that name.
func install(tb testing.TB, dir, name string) host.Manifest {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "dth-plugin-"+name)); err != nil {
		tb.Fatal(err)
	}
	return describe(tb, dir, name, 1)
}

// shortDir returns a folder below which a socket's path is not too long.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "dth")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// script makes a plugin of a shell script.
func script(tb testing.TB, dir, name, body string) host.Manifest {
	tb.Helper()
	write(tb, filepath.Join(dir, "dth-plugin-"+name), "#!/bin/sh\n"+body+"\n", 0o755)
	return describe(tb, dir, name, 1)
}

// describe writes the plugin's manifest and reads it.
func describe(tb testing.TB, dir, name string, protocol int) host.Manifest {
	tb.Helper()
	path := filepath.Join(dir, "dth-plugin-"+name+".yaml")
	write(tb, path, fmt.Sprintf(`name: %s
title: Broken on purpose
protocol: [%d]
environment:
  always: [HOME, ALWAYS_*]
  default-credentials: [DEFAULT_SECRET]
  secret-credentials: [VAULT_*]
`, name, protocol), 0o600)
	manifest, err := host.ReadManifest(path)
	if err != nil {
		tb.Fatal(err)
	}
	return manifest
}

func write(tb testing.TB, path, content string, mode os.FileMode) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		tb.Fatal(err)
	}
}

// breakable is a driver whose Stat does what the key says.
type breakable struct{}

func (breakable) Describe(context.Context) (driver.Description, error) {
	return driver.Description{Name: "breakable"}, nil
}

func (breakable) Open(context.Context, driver.OpenRequest) (driver.Bucket, error) {
	return bucket{}, nil
}

type bucket struct{ driver.Bucket }

func (bucket) Session() driver.Session { return driver.Session{} }
func (bucket) Close() error            { return nil }

func (bucket) Stat(_ context.Context, request driver.StatRequest) (driver.Object, error) {
	switch request.Key {
	case "pid":
		return driver.Object{Size: int64(os.Getpid())}, nil
	case "spawn":
		child := exec.Command("/bin/sleep", "600")
		if err := child.Start(); err != nil {
			return driver.Object{}, err
		}
		return driver.Object{Size: int64(child.Process.Pid)}, nil
	case "stdin":
		n, err := os.Stdin.Read(make([]byte, 1))
		return driver.Object{ETag: strconv.Itoa(n) + " " + fmt.Sprint(err)}, nil
	}
	return driver.Object{}, nil
}

func (bucket) SignGet(context.Context, driver.GetRequest) (driver.Exchange, error) {
	return driver.Exchange{Method: "GET"}, nil
}

// pidOf returns the process that answers the bucket's calls.
func pidOf(tb testing.TB, b driver.Bucket) int {
	tb.Helper()
	object, err := b.Stat(tb.Context(), driver.StatRequest{Key: "pid"})
	if err != nil {
		tb.Fatal(err)
	}
	return int(object.Size)
}
