package memdriver_test

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// environment holds the credentials of three accounts: one that may do all, one
// without right to the bucket, and one that the server does not know.
func environment(name string) string {
	return map[string]string{
		"GOOD_ACCESS_KEY_ID": "good", "GOOD_SECRET_ACCESS_KEY": "good-secret",
		"POOR_ACCESS_KEY_ID": "poor", "POOR_SECRET_ACCESS_KEY": "poor-secret",
		"FALSE_ACCESS_KEY_ID": "good", "FALSE_SECRET_ACCESS_KEY": "another-secret",
	}[name]
}

// newServer starts a server with the empty bucket "box".
func newServer(t *testing.T, config memdriver.Config) *memdriver.Server {
	t.Helper()
	config.Accounts = map[string]memdriver.Account{
		"good": {Secret: "good-secret"},
		"poor": {Secret: "poor-secret", Buckets: []string{"another"}},
	}
	server, err := memdriver.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.CreateBucket("box")
	return server
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		socket  bool
		forced  bool
		options map[string]string
	}{
		"tcp, raw, 5 MiB parts":   {false, false, nil},
		"tcp, forced downloads":   {false, true, map[string]string{"min-part": "1024"}},
		"tcp, unordered listing":  {false, false, map[string]string{"min-part": "1024", "listing": "unordered"}},
		"tcp, form, json replies": {false, false, map[string]string{"framing": "form", "replies": "json", "min-part": "1024"}},
		"tcp, trailer":            {false, false, map[string]string{"framing": "trailer", "min-part": "1024"}},
		"unix, raw, xml replies":  {true, false, map[string]string{"replies": "xml", "min-part": "1024"}},
		"unix, form":              {true, false, map[string]string{"framing": "form", "min-part": "1024"}},
		"unix, trailer, json":     {true, false, map[string]string{"framing": "trailer", "replies": "json", "min-part": "1024"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t, memdriver.Config{ForceDownload: test.forced})
			endpoint := server.Endpoint()
			if test.socket {
				endpoint = server.SocketEndpoint()
			}
			silent, stop, err := drivertest.Silence()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			request := func(bucket, credentials, endpoint string) driver.OpenRequest {
				options := map[string]string{"endpoint": endpoint}
				for name, value := range test.options {
					options[name] = value
				}
				return driver.OpenRequest{Bucket: bucket, Credentials: credentials, Options: options}
			}
			absent, denied := request("absent", "env:GOOD", endpoint), request("box", "env:POOR", endpoint)
			mute, unreachable := request("box", "env:GOOD", "http://"+silent), request("box", "env:GOOD", "unix:///nonexistent/socket")
			drivertest.Run(t, drivertest.Harness{
				Driver: memdriver.New(environment),
				Bucket: request("box", "env:GOOD", endpoint),
				Absent: &absent, Denied: &denied, Silent: &mute, Unreachable: &unreachable,
			})
			if left := server.Keys("box"); len(left) != 0 {
				t.Errorf("the suite left %q behind", left)
			}
			if left := server.Uploads("box"); len(left) != 0 {
				t.Errorf("the suite left %d uploads behind", len(left))
			}
		})
	}
}
