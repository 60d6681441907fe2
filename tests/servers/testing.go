package servers

import (
	"path/filepath"
	"testing"
)

// StartVersityGW starts versitygw on a directory of its own and stops it when
// the test ends. A missing binary fails the test.
func StartVersityGW(t testing.TB, accessKey, secretKey string) *Server {
	t.Helper()
	return StartForTest(t, Config{Product: VersityGW, AccessKey: accessKey, SecretKey: secretKey})
}

// StartMinIO starts MinIO on a directory of its own and stops it when the test
// ends. A missing binary fails the test.
func StartMinIO(t testing.TB, accessKey, secretKey string) *Server {
	t.Helper()
	return StartForTest(t, Config{Product: MinIO, AccessKey: accessKey, SecretKey: secretKey})
}

// StartForTest is [Start] for a test: the directory defaults to one of the
// test's own, failures end the test, and the server ends with the test. What
// the server printed is shown when the test fails.
func StartForTest(t testing.TB, config Config) *Server {
	t.Helper()
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Log == "" {
		config.Log = filepath.Join(t.TempDir(), "server.log")
	}
	server, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}
