package main

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/tests/servers"
)

func TestConformance(t *testing.T) {
	conform(t, store{}, startEmulator(t))
}

// TestConformanceAcrossProcesses runs the suite with a plugin process for every
// bucket that is opened.
func TestConformanceAcrossProcesses(t *testing.T) {
	conform(t, processes{manifest: install(t)}, startEmulator(t))
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

// setKeys gives the emulator's keys, and wrong ones, to the references env:GOOD and
// env:BAD.
func setKeys(t testing.TB) {
	t.Helper()
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("BAD_ACCESS_KEY_ID", accessKey)
	t.Setenv("BAD_SECRET_ACCESS_KEY", "not-"+secretKey)
}

// at opens a bucket of an endpoint.
func at(bucket, credentials, endpoint string, options map[string]string) driver.OpenRequest {
	given := map[string]string{"region": region, "endpoint": endpoint, "proxy": "none"}
	maps.Copy(given, options)
	return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: given}
}

// conform runs the suite on an empty bucket of the emulator.
func conform(t *testing.T, tested driver.Driver, server *servers.Emulator) {
	t.Helper()
	setKeys(t)
	silence, stop, err := drivertest.Silence()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	absent := at("absent-1250000000", "env:GOOD", server.Endpoint, nil)
	denied := at(suite, "env:BAD", server.Endpoint, nil)
	silent := at(suite, "env:GOOD", "http://"+silence, nil)
	unreachable := at(suite, "env:GOOD", "http://"+closedAddress(t), nil)
	drivertest.Run(t, drivertest.Harness{
		Driver: tested, Bucket: at(suite, "env:GOOD", server.Endpoint, nil),
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
