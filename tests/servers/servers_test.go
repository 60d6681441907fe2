package servers_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/dth-dev/dth/tests/servers"
)

func TestServerHoldsBucketAndEnds(t *testing.T) {
	t.Parallel()
	for _, product := range []servers.Product{servers.VersityGW, servers.MinIO} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			server := servers.StartForTest(t, servers.Config{Product: product, AccessKey: "tester", SecretKey: "tester-secret"})
			if err := server.CreateBucket(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
			reply, err := server.Client().ListBuckets(t.Context(), &s3.ListBucketsInput{})
			if err != nil || len(reply.Buckets) != 1 || *reply.Buckets[0].Name != "first" {
				t.Fatalf("ListBuckets = %+v, %v; want the bucket first", reply, err)
			}
			server.Stop()
			server.Stop()
			address := strings.TrimPrefix(server.Endpoint, "http://")
			if connection, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				_ = connection.Close()
				t.Errorf("%s still answers after Stop", address)
			}
		})
	}
}

func TestServerEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server, err := servers.Start(ctx, servers.Config{
		Product: servers.VersityGW, AccessKey: "tester", SecretKey: "tester-secret", Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	server.Stop() // waits for the end that the context began
	if connection, err := net.DialTimeout("tcp", strings.TrimPrefix(server.Endpoint, "http://"), time.Second); err == nil {
		_ = connection.Close()
		t.Error("the server still answers")
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	missing := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cases := map[string]struct {
		tools  string
		config servers.Config
		want   string
	}{
		"missing binary": {
			tools: missing, config: servers.Config{Product: servers.VersityGW, Dir: t.TempDir()}, want: "make tools",
		},
		"taken port": {
			config: servers.Config{
				Product: servers.VersityGW, AccessKey: "a", SecretKey: "b", Dir: t.TempDir(), Address: taken.Addr().String(),
			},
			want: "the server exited",
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			if test.tools != "" {
				t.Setenv("DTH_TOOLS", test.tools)
			}
			server, err := servers.Start(t.Context(), test.config)
			if err == nil {
				server.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start = %v, want an error that says %q", err, test.want)
			}
		})
	}
}
