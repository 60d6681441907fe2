package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

const (
	region    = "cn-hangzhou"
	suite     = "suite-bucket"
	other     = "other-bucket"
	accessKey = "LTAIconformance"
	secretKey = "conformance-secret"
	// pluginName is the name under which this test binary is the plugin.
	pluginName = "dth-plugin-oss"
)

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		main()
		return
	}
	os.Exit(m.Run())
}

// startEmulator starts an emulator with the buckets suite and other, which ends with
// the test, and gives its keys, and wrong ones, to env:GOOD and env:BAD.
func startEmulator(t testing.TB, flags ...string) *servers.Emulator {
	t.Helper()
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("BAD_ACCESS_KEY_ID", accessKey)
	t.Setenv("BAD_SECRET_ACCESS_KEY", "not-"+secretKey)
	return servers.StartEmulator(t, servers.EmulatorConfig{
		Vendor: "oss", Buckets: []string{suite, other}, AccessKey: accessKey, SecretKey: secretKey,
		Flags: append([]string{"-region", region}, flags...),
	})
}

// at opens a bucket at an endpoint.
func at(bucket, credentials, endpoint string, options map[string]string) driver.OpenRequest {
	given := map[string]string{"region": region, "endpoint": endpoint, "proxy": "none"}
	maps.Copy(given, options)
	return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: given}
}

// opened opens a bucket for the test.
func opened(t testing.TB, request driver.OpenRequest) *bucket {
	t.Helper()
	found, err := store{}.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = found.Close() })
	return found.(*bucket)
}
