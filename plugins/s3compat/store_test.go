package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		options map[string]string
		want    string
	}{
		"no endpoint":      {nil, "option endpoint is missing"},
		"no region":        {map[string]string{"profile": "b2"}, "option region is missing"},
		"no own endpoint":  {map[string]string{"profile": "r2"}, "option endpoint is missing: Cloudflare R2"},
		"no URL":           {map[string]string{"endpoint": "http://"}, "option endpoint"},
		"scheme":           {map[string]string{"endpoint": "s3://h"}, `scheme is "s3"`},
		"secret in URL":    {map[string]string{"endpoint": "http://user:canary@h"}, "option endpoint"},
		"query":            {map[string]string{"endpoint": "http://h/?a=b"}, "query"},
		"unknown profile":  {map[string]string{"endpoint": "http://h", "profile": "mino"}, `"mino" is none of b2, ceph, cos-s3, gcs-xml, generic, kodo-s3, minio, oracle, oss-s3, r2, spaces, versitygw, wasabi`},
		"unknown style":    {map[string]string{"endpoint": "http://h", "addressing": "host"}, "path, virtual-host, auto"},
		"unknown option":   {map[string]string{"endpoint": "http://h", "alc": "x"}, `"alc" is unknown`},
		"unknown acl":      {map[string]string{"endpoint": "http://h", "acl": "mine"}, `option acl: "mine" is none of private, public-read`},
		"unknown sse":      {map[string]string{"endpoint": "http://h", "sse": "KMS"}, `option sse: "KMS" is none of none, AES256, aws:kms`},
		"key without kms":  {map[string]string{"endpoint": "http://h", "sse": "AES256", "sse-kms-key": "k"}, "option sse-kms-key is of no use without sse=aws:kms"},
		"nobody pays":      {map[string]string{"endpoint": "http://h", "requester-pays": "true"}, "option requester-pays: nobody can be charged"},
		"bad proxy":        {map[string]string{"endpoint": "http://h", "proxy": "canary"}, "option proxy"},
		"bad resolve":      {map[string]string{"endpoint": "http://h", "resolve": "h:80"}, "option resolve"},
		"absent cert":      {map[string]string{"endpoint": "http://h", "client-cert": "/nowhere"}, "option client-cert"},
		"bundle without a": {map[string]string{"endpoint": "http://h", "ca": "store_test.go"}, "holds no PEM certificate"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: "b", Credentials: "anonymous", Options: test.options})
			var failure *driver.Error
			if !errors.As(err, &failure) || failure.Kind != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Open = %v, want invalid argument and %q", err, test.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

// TestResolve reaches a virtual host that no name server knows, past the proxy, and
// tells the host to do the same.
func TestResolve(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%s</Key><Size>1</Size></Contents></ListBucketResult>", r.Host)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	entry := "*:" + port + ":127.0.0.1"
	bucket, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: "b", Credentials: "anonymous", Options: map[string]string{
		"endpoint": "http://store.invalid:" + port, "addressing": "virtual-host", "resolve": entry, "proxy": "http://127.0.0.1:1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bucket.Close() }()
	page, err := bucket.List(t.Context(), driver.ListRequest{})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "b.store.invalid:"+port {
		t.Errorf("List = %+v, %v; want one object named after the host", page, err)
	}
	if diff := cmp.Diff([]string{entry}, bucket.Session().Transport.Resolve); diff != "" {
		t.Errorf("the session's resolve (-want +got):\n%s", diff)
	}
}

// TestProfileEndpoint proves that a profile knows where its store is.
func TestProfileEndpoint(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	cases := map[string]struct{ profile, region, want string }{
		"oss-s3":      {"oss-s3", "cn-hangzhou", "https://b.s3.oss-cn-hangzhou.aliyuncs.com/k"},
		"cos-s3":      {"cos-s3", "ap-beijing", "https://b.cos.ap-beijing.myqcloud.com/k"},
		"kodo-s3":     {"kodo-s3", "cn-east-1", "https://s3.cn-east-1.qiniucs.com/b/k"},
		"b2":          {"b2", "us-west-004", "https://s3.us-west-004.backblazeb2.com/b/k"},
		"wasabi":      {"wasabi", "", "https://s3.us-east-1.wasabisys.com/b/k"},
		"spaces":      {"spaces", "fra1", "https://fra1.digitaloceanspaces.com/b/k"},
		"one for all": {"gcs-xml", "", "https://storage.googleapis.com/b/k"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			options := map[string]string{"profile": test.profile}
			if test.region != "" {
				options["region"] = test.region
			}
			bucket, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: "b", Credentials: "anonymous", Options: options})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = bucket.Close() }()
			exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
			if err != nil || exchange.URL != test.want {
				t.Errorf("URL = %s, %v, want %s", exchange.URL, err, test.want)
			}
		})
	}
}

func TestAddressing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ bucket, endpoint, addressing, want string }{
		"path by default":         {"b", "https://h", "", "https://h/b/k"},
		"own port":                {"b", "https://H:443/", "", "https://h/b/k"},
		"other port and path":     {"b", "http://h:9000/top/", "path", "http://h:9000/top/b/k"},
		"virtual host":            {"b", "https://h:8443", "virtual-host", "https://b.h:8443/k"},
		"auto":                    {"b", "https://h", "auto", "https://b.h/k"},
		"auto with dots":          {"a.b", "https://h", "auto", "https://h/a.b/k"},
		"auto with dots and http": {"a.b", "http://h", "auto", "http://a.b.h/k"},
		"auto with an address":    {"b", "http://127.0.0.1:9", "auto", "http://127.0.0.1:9/b/k"},
		"auto with IPv6":          {"b", "http://[::1]:9", "auto", "http://[::1]:9/b/k"},
		"no scheme":               {"b", "h:9", "path", "https://h:9/b/k"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := map[string]string{"endpoint": test.endpoint}
			if test.addressing != "" {
				options["addressing"] = test.addressing
			}
			bucket, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: test.bucket, Credentials: "anonymous", Options: options})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = bucket.Close() }()
			exchange, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
			if err != nil || exchange.URL != test.want {
				t.Errorf("URL = %s, %v, want %s", exchange.URL, err, test.want)
			}
		})
	}
}
