package main

import (
	"maps"
	"net"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

const (
	accessKey = "conformance"
	secretKey = "conformance-secret"
)

func TestConformanceVersityGW(t *testing.T) {
	conform(t, servers.StartVersityGW(t, accessKey, secretKey), map[string]string{"profile": "versitygw"})
}

func TestConformanceMinIO(t *testing.T) {
	conform(t, servers.StartMinIO(t, accessKey, secretKey), map[string]string{"profile": "minio"})
}

// conform runs the suite on an empty bucket of the server.
func conform(t *testing.T, server *servers.Server, options map[string]string) {
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
		Driver: store{}, Bucket: open("suite", "env:GOOD", server.Endpoint),
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
