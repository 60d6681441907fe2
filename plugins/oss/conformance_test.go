package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/host"
)

func TestConformance(t *testing.T) {
	conform(t, store{})
}

// TestConformanceAcrossProcesses runs the suite with a plugin process for every bucket
// that is opened.
func TestConformanceAcrossProcesses(t *testing.T) {
	conform(t, processes{manifest: install(t)})
}

// processes is a driver whose every bucket is a plugin process.
type processes struct {
	manifest host.Manifest
}

func (p processes) Describe(ctx context.Context) (driver.Description, error) {
	plugin, err := host.Start(ctx, p.manifest, host.Options{})
	if err != nil {
		return driver.Description{}, err
	}
	defer func() { _ = plugin.Close() }() // the description is complete
	return plugin.Describe(ctx)
}

func (p processes) Open(ctx context.Context, request driver.OpenRequest) (driver.Bucket, error) {
	return host.Open(ctx, p.manifest, request, host.Options{})
}

// install puts this binary and the manifest where a host looks for plugins.
func install(t *testing.T) host.Manifest {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(pluginName + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	if err := os.Symlink(self, filepath.Join(directory, pluginName)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, pluginName+".yaml"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := host.Find([]string{directory})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d plugins: %v", len(found), err)
	}
	return found[0]
}

// conform runs the suite on an empty bucket of an emulator.
func conform(t *testing.T, tested driver.Driver) {
	t.Helper()
	endpoint := startEmulator(t, "-restore-after", "0s").Endpoint
	silence, stop, err := drivertest.Silence()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	absent, denied := at("absent-bucket", "env:GOOD", endpoint, nil), at(suite, "env:BAD", endpoint, nil)
	silent := at(suite, "env:GOOD", "http://"+silence, nil)
	unreachable := at(suite, "env:GOOD", "http://"+closedAddress(t), nil)
	drivertest.Run(t, drivertest.Harness{
		Driver: tested, Bucket: at(suite, "env:GOOD", endpoint, nil),
		Absent: &absent, Denied: &denied, Silent: &silent, Unreachable: &unreachable,
	})
}

// closedAddress returns an address where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}
