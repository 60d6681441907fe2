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

const (
	accessKey = "conformance"
	secretKey = "conformance-secret"
)

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		main()
		return
	}
	os.Exit(m.Run())
}

const pluginName = "dth-plugin-s3compat"

func TestConformanceVersityGW(t *testing.T) {
	conform(t, store{}, servers.StartVersityGW(t, accessKey, secretKey), map[string]string{"profile": "versitygw"})
}

func TestConformanceMinIO(t *testing.T) {
	conform(t, store{}, servers.StartMinIO(t, accessKey, secretKey), map[string]string{"profile": "minio"})
}

// TestConformanceAcrossProcesses runs the suite with a plugin process for every
// bucket that is opened.
func TestConformanceAcrossProcesses(t *testing.T) {
	driver := processes{manifest: install(t)}
	conform(t, driver, servers.StartVersityGW(t, accessKey, secretKey), map[string]string{"profile": "versitygw"})
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

// conform runs the suite on an empty bucket of the server.
func conform(t *testing.T, tested driver.Driver, server *servers.Server, options map[string]string) {
	t.Helper()
	if err := server.CreateBucket(t.Context(), "suite"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOD_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", server.SecretKey)
	t.Setenv("BAD_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("BAD_SECRET_ACCESS_KEY", "not-"+server.SecretKey)
	silence, stop, err := drivertest.Silence()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	open := func(bucket, credentials, endpoint string) driver.OpenRequest {
		given := maps.Clone(options)
		given["endpoint"] = endpoint
		return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: given}
	}
	absent := open("absent", "env:GOOD", server.Endpoint)
	denied := open("suite", "env:BAD", server.Endpoint)
	silent := open("suite", "env:GOOD", "http://"+silence)
	unreachable := open("suite", "env:GOOD", "http://"+closedAddress(t))
	drivertest.Run(t, drivertest.Harness{
		Driver: tested, Bucket: open("suite", "env:GOOD", server.Endpoint),
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
