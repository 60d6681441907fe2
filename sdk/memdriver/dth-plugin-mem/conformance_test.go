package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "dth-plugin-mem" {
		main()
		return
	}
	os.Exit(m.Run())
}

// processes is a driver whose every bucket is a plugin process.
type processes struct {
	manifest host.Manifest
	options  host.Options
}

func (p processes) Describe(ctx context.Context) (driver.Description, error) {
	plugin, err := host.Start(ctx, p.manifest, p.options)
	if err != nil {
		return driver.Description{}, err
	}
	defer func() { _ = plugin.Close() }() // the description is complete
	return plugin.Describe(ctx)
}

func (p processes) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	return host.Open(ctx, p.manifest, request, p.options)
}

// install puts this binary and the manifest where a host looks for plugins.
func install(t *testing.T) host.Manifest {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile("dth-plugin-mem.yaml")
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	if err := os.Symlink(self, filepath.Join(directory, "dth-plugin-mem")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "dth-plugin-mem.yaml"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := host.Find([]string{directory})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d plugins: %v", len(found), err)
	}
	return found[0]
}

func TestConformanceAcrossProcesses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		socket  bool
		options map[string]string
	}{
		"tcp, raw":          {false, map[string]string{"min-part": "1024"}},
		"unix, form, json":  {true, map[string]string{"framing": "form", "replies": "json", "min-part": "1024"}},
		"tcp, trailer, xml": {false, map[string]string{"framing": "trailer", "replies": "xml", "min-part": "1024"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t)
			endpoint := server.Endpoint()
			if test.socket {
				endpoint = server.SocketEndpoint()
			}
			silent, stop, err := drivertest.Silence()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			request := func(bucket, credentials, endpoint string) driver.OpenRequest {
				options := map[string]string{"endpoint": endpoint}
				maps.Copy(options, test.options)
				return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: options}
			}
			absent, denied := request("absent", "env:GOOD", endpoint), request("box", "env:FALSE", endpoint)
			mute, unreachable := request("box", "env:GOOD", "http://"+silent), request("box", "env:GOOD", "unix:///nonexistent/socket")
			drivertest.Run(t, drivertest.Harness{
				Driver: processes{install(t), host.Options{Environ: []string{
					"GOOD_ACCESS_KEY_ID=good", "GOOD_SECRET_ACCESS_KEY=good-secret",
					"FALSE_ACCESS_KEY_ID=good", "FALSE_SECRET_ACCESS_KEY=another-secret",
				}}},
				Bucket: request("box", "env:GOOD", endpoint),
				Absent: &absent, Denied: &denied, Silent: &mute, Unreachable: &unreachable,
			})
		})
	}
}

// startServer starts a store with the empty bucket "box".
func startServer(t *testing.T) *memdriver.Server {
	t.Helper()
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"good": {Secret: "good-secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket("box")
	return server
}
