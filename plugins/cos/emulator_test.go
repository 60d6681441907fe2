package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/tests/servers"
)

const (
	region    = "ap-guangzhou"
	suite     = "suite-1250000000"
	other     = "other-1250000000"
	accessKey = "AKIDconformance"
	secretKey = "conformance-secret"
)

// pluginName is the name under which this test binary is the plugin.
const pluginName = "dth-plugin-cos"

// TestMain lets this test binary be the plugin: started under its name, it is.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == pluginName {
		main()
		return
	}
	os.Exit(m.Run())
}

// startEmulator starts an emulator with the buckets suite and other, where archived
// objects are readable as soon as that is asked for.
func startEmulator(t testing.TB, flags ...string) *servers.Emulator {
	t.Helper()
	return servers.StartEmulator(t, servers.EmulatorConfig{
		Vendor: "cos", Buckets: []string{suite, other}, AccessKey: accessKey, SecretKey: secretKey,
		Flags: append([]string{"-region", region, "-restore-after", "0s"}, flags...),
	})
}
