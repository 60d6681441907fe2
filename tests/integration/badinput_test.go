package integration

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

// mistaken are two real stores on which only mistakes are made.
type mistaken struct {
	*program
	source, destination *realStore
}

func newMistaken(t *testing.T) *mistaken {
	t.Helper()
	m := &mistaken{source: startReal(t, servers.VersityGW, "SRC"), destination: startReal(t, servers.MinIO, "DST")}
	env := append(m.source.keys(), m.destination.keys()...)
	env = append(env, keys("STRANGER", "stranger", "stranger-secret")...)
	env = append(env, keys("FALSESRC", m.source.AccessKey, "false-secret")...)
	env = append(env, keys("FALSEDST", m.destination.AccessKey, "false-secret")...)
	m.program = newProgram(t, env...)
	for _, key := range []string{"a", "dir/b"} {
		if err := m.source.put(t.Context(), key, content(key, 1000), stored{}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// allow lets everybody do something with a store's bucket, but not list it.
func allow(t *testing.T, store *realStore, action string) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": [%q], "Resource": ["arn:aws:s3:::%s/*"]}]}`, action, bucket)
	if _, err := store.client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
}

// TestStoresThatRefuse gives locations that cannot work. Each run stops with one line that
// names side, what, and what to do, before anything is written.
func TestStoresThatRefuse(t *testing.T) {
	t.Parallel()
	m := newMistaken(t)
	from, to := m.source.at(""), m.destination.at("")
	allow(t, m.destination, "s3:PutObject")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><title>Welcome</title>")
	}))
	t.Cleanup(page.Close)
	secure := httptest.NewTLSServer(page.Config.Handler)
	t.Cleanup(secure.Close)
	silent, stop, err := drivertest.Silence()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	swap := func(location, old, new string) string { return strings.Replace(location, old, new, 1) }
	const create = `; create the bucket, or check its name and the endpoint`
	const rights = `; check the credentials of the %s and that they may list this bucket`
	const network = `; check the endpoint and the network, then run the same command again: it goes on where it stopped`
	tests := map[string]struct {
		from, to string
		stderr   string // of exit code 3
	}{
		"missing source":            {swap(from, "data", "nodata"), to, `dth: source: bucket "nodata": List: The specified bucket does not exist\.? \(NoSuchBucket, request id \w+\)` + create},
		"missing destination":       {from, swap(to, "data", "nodata"), `dth: destination: bucket "nodata": List: The specified bucket does not exist\.? \(NoSuchBucket, request id \w+\)` + create},
		"unknown key at versitygw":  {swap(from, "env:SRC", "env:STRANGER"), to, `dth: source: bucket "data": List: No user exists with the provided access key ID\. \(XAdminUserNotFound, request id \w+\)` + fmt.Sprintf(rights, "source")},
		"unknown key at MinIO":      {from, swap(to, "env:DST", "env:STRANGER"), `dth: destination: bucket "data": List: The Access Key Id you provided does not exist in our records\. \(InvalidAccessKeyId, request id \w+\)` + fmt.Sprintf(rights, "destination")},
		"wrong secret at versitygw": {swap(from, "env:SRC", "env:FALSESRC"), to, `dth: source: bucket "data": List: The request signature we calculated .* \(SignatureDoesNotMatch, request id \w+\)` + fmt.Sprintf(rights, "source")},
		"wrong secret at MinIO":     {from, swap(to, "env:DST", "env:FALSEDST"), `dth: destination: bucket "data": List: The request signature we calculated .* \(SignatureDoesNotMatch, request id \w+\)` + fmt.Sprintf(rights, "destination")},
		"denied source":             {swap(from, "env:SRC", "anonymous"), to, `dth: source: bucket "data": List: Access Denied\.? \(AccessDenied, request id \w+\)` + fmt.Sprintf(rights, "source")},
		"may write but not list":    {from, swap(to, "env:DST", "anonymous"), `dth: destination: bucket "data": List: Access Denied\.? \(AccessDenied, request id \w+\)` + fmt.Sprintf(rights, "destination")},
		"refused":                   {from, swap(to, m.destination.Endpoint, "http://"+closedAddress(t)), `dth: destination: bucket "data", after \d attempts: List: 127\.0\.0\.1:\d+ refused the connection: check host and port, and that the store runs` + network},
		"HTTPS to an HTTP server":   {from, swap(to, "http://", "https://"), `dth: destination: bucket "data", after \d attempts: List: TLS mismatch: 127\.0\.0\.1:\d+ speaks plain http: write http:// in the endpoint` + network},
		"HTTP to an HTTPS server":   {swap(from, m.source.Endpoint, swap(secure.URL, "https", "http")), to, `dth: source: bucket "data".*: List: .*the right port and the right one of http and https.*`},
		"unknown certificate":       {swap(from, m.source.Endpoint, secure.URL), to, `dth: source: bucket "data", after \d attempts: List: the certificate of 127\.0\.0\.1:\d+ is signed by an unknown authority: give its CA with the option ca` + network},
		"a web page, no store":      {swap(from, m.source.Endpoint, page.URL), to, `dth: source: bucket "data": List: the endpoint does not speak S3: it answers a listing with text/html: give the address of the store's S3 interface, with the right port and the right one of http and https \(HTTP 200\)`},
		"no such host":              {swap(from, m.source.Endpoint, "http://store.invalid"), to, `dth: source: bucket "data", after \d attempts: List: unknown host store\.invalid: check the endpoint and the bucket's name` + network},
		"takes and never answers":   {from, swap(to, m.destination.Endpoint, "http://"+silent), `dth: destination: bucket "data": List: 127\.0\.0\.1:\d+ timed out: it did not answer in time` + network},
	}
	t.Run("refused", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m.run("sync", test.from, test.to, "--state="+name).expect(t, 3, test.stderr)
			})
		}
	})
	if keys := m.destination.listed(); len(keys) > 0 {
		t.Errorf("mistakes wrote %q", keys)
	}
	// Who may not list may still copy one object.
	m.must(0, "copy", m.source.at("a"), swap(m.destination.at("a"), "env:DST", "anonymous"))
	checkContent(t, m.destination, "a", 1000)
	// What a failed run left in its state changes nothing for the next one.
	for name := range tests {
		m.destination.empty()
		if report := m.must(0, "sync", from, to, "--state="+name, "--json").report(t); report.Objects.Copied != 2 {
			t.Errorf("after %s: %+v", name, report.Objects)
		}
	}
}

// closedAddress returns an address where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
