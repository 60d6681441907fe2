package main

import (
	"bytes"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

// versitygwOwn is what the server under test does in Amazon's place: it holds fewer keys,
// tells wrong checksums of copied ranges, and tells one storage class whatever class was
// asked for, so that nothing is ever archived. Classes and restoring are tested with
// answers as Amazon documents them, in plugins/internal/s3driver; copies of ranges there
// and, without checksums, by plugins/s3compat on this server.
const versitygwOwn = `copies:
  objects: true
  parts: false
classes: []
restore: false
keys:
  max-bytes: 1024
  max-segment: 255
  no-empty-segment: true
  no-dot-segment: true
  no-leading-slash: true
  no-trailing-slash: true
  no-control: true
  no-invalid-utf8: true
  no-parent-conflict: true
  forbidden: ["\uFFFF"]
`

// TestConformance runs the suite on the closest to Amazon S3 that runs on one
// machine, with all that is Amazon's but what versitygwOwn says.
func TestConformance(t *testing.T) {
	clearAWS(t)
	server := servers.StartVersityGW(t, "conformance", "conformance-secret")
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
		return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: map[string]string{"endpoint": endpoint, "region": "us-east-1"}}
	}
	profile, _, _ := bytes.Cut(profileDocument, []byte("copies:\n"))
	absent := open("absent", "env:GOOD", server.Endpoint)
	denied := open("suite", "env:BAD", server.Endpoint)
	silent := open("suite", "env:GOOD", "http://"+silence)
	unreachable := open("suite", "env:GOOD", "http://127.0.0.1:1")
	drivertest.Run(t, drivertest.Harness{
		Driver: store{profile: append(bytes.Clone(profile), versitygwOwn...)}, Bucket: open("suite", "env:GOOD", server.Endpoint),
		Absent: &absent, Denied: &denied, Silent: &silent, Unreachable: &unreachable,
	})
}
