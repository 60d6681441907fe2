package main

import (
	"context"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/host"
	"github.com/dth-dev/dth/tests/servers"
)

const (
	suite     = "suite"
	other     = "other"
	accessKey = "conformance"
	secretKey = "conformance-secret"
)

// pluginName is the name under which this test binary is the plugin.
const pluginName = "dth-plugin-kodo"

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	conform(t, store{}, startEmulator(t))
}

// TestConformanceAcrossProcesses runs the suite with a plugin process for every
// bucket that is opened.
func TestConformanceAcrossProcesses(t *testing.T) {
	conform(t, processes{manifest: install(t)}, startEmulator(t))
}

// startEmulator starts an emulator that answers each service at the vendor's own name
// for it only, and gives its keys, and wrong ones, to env:GOOD and env:BAD.
func startEmulator(t *testing.T) *servers.Emulator {
	t.Helper()
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("BAD_ACCESS_KEY_ID", accessKey)
	t.Setenv("BAD_SECRET_ACCESS_KEY", "not-"+secretKey)
	return servers.StartEmulator(t, servers.EmulatorConfig{
		Vendor: "kodo", Buckets: []string{suite, other}, AccessKey: accessKey, SecretKey: secretKey, Flags: []string{"-strict-host"},
	})
}

// at opens a bucket at an address, "http://127.0.0.1:PORT", that stands for the vendor.
func at(t *testing.T, bucket, credentials, address string, options map[string]string) driver.OpenRequest {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"endpoint": "http://uc.qiniuapi.com:" + parsed.Port(), "resolve": "*:" + parsed.Port() + ":127.0.0.1", "proxy": "none"}
	maps.Copy(given, options)
	return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: given}
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

// conform runs the suite on an empty bucket of the emulator.
func conform(t *testing.T, tested driver.Driver, server *servers.Emulator) {
	t.Helper()
	silence, stop, err := drivertest.Silence()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	absent := at(t, "absent", "env:GOOD", server.Endpoint, nil)
	denied := at(t, suite, "env:BAD", server.Endpoint, nil)
	silent := at(t, suite, "env:GOOD", "http://"+silence, nil)
	unreachable := at(t, suite, "env:GOOD", "http://"+closedAddress(t), nil)
	drivertest.Run(t, drivertest.Harness{
		Driver: tested, Bucket: at(t, suite, "env:GOOD", server.Endpoint, nil),
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
