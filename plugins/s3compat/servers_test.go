package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
	"github.com/dth-dev/dth/tests/servers"
)

// products are the servers that are measured, with their profiles.
var products = map[string]servers.Product{"versitygw": servers.VersityGW, "minio": servers.MinIO}

// openOn starts a server with an empty bucket "suite" and opens it.
func openOn(t *testing.T, config servers.Config, options map[string]string) (driver.Bucket, *servers.Server) {
	t.Helper()
	config.AccessKey, config.SecretKey = accessKey, secretKey
	server := servers.StartForTest(t, config)
	if err := server.CreateBucket(t.Context(), "suite"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOD_ACCESS_KEY_ID", accessKey)
	t.Setenv("GOOD_SECRET_ACCESS_KEY", secretKey)
	if options["endpoint"] == "" {
		options["endpoint"] = server.Endpoint
	}
	if options["proxy"] == "through" {
		options["proxy"] = forward(t, server)
	}
	bucket, err := store{}.Open(t.Context(), driver.OpenRequest{Bucket: "suite", Credentials: "env:GOOD", Options: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket, server
}

// forward starts an HTTP proxy that sends every request to the server, whatever
// host it names.
func forward(t *testing.T, server *servers.Server) string {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func executor(t *testing.T, bucket driver.Bucket) *drivertest.Executor {
	t.Helper()
	runner, err := drivertest.NewExecutor(bucket.Session().Transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runner.Close)
	return runner
}

// put sends a body whose checksum is not known beforehand, as a streamed one.
func put(t *testing.T, runner *drivertest.Executor, bucket driver.Bucket, key string, body []byte, attributes driver.Attributes) drivertest.Answer {
	t.Helper()
	exchange, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := runner.Do(t.Context(), exchange, drivertest.Send{Body: body})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return answer
}

// TestStreamedBodies proves that a trailing checksum is checked by the store and
// that aws-chunked is gone from what it keeps.
func TestStreamedBodies(t *testing.T) {
	for profile, product := range products {
		t.Run(profile, func(t *testing.T) {
			bucket, _ := openOn(t, servers.Config{Product: product}, map[string]string{"profile": profile})
			runner := executor(t, bucket)
			for _, size := range []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 20} {
				body := bytes.Repeat([]byte{7}, size)
				for _, encoding := range []string{"", "gzip", "gzip, br"} {
					attributes := driver.Attributes{ContentType: "text/plain", ContentEncoding: encoding}
					answer := put(t, runner, bucket, "streamed", body, attributes)
					object, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "streamed"})
					if err != nil || object.Size != int64(size) {
						t.Fatalf("Stat = %+v, %v, want %d bytes", object, err, size)
					}
					if diff := cmp.Diff(attributes, object.Attributes); diff != "" {
						t.Errorf("%d bytes (-want +got):\n%s", size, diff)
					}
					if !slices.ContainsFunc(answer.Checksums, func(c driver.Checksum) bool { return c.Algorithm == driver.AlgorithmCRC64NVME }) {
						t.Errorf("%d bytes: the answer tells no CRC64NVME: %+v", size, answer.Checksums)
					}
					if diff := cmp.Diff(answer.Checksums, object.Checksums); diff != "" {
						t.Errorf("%d bytes, put and stat differ:\n%s", size, diff)
					}
				}
			}
		})
	}
}

// TestVirtualHostThroughProxy needs names that no resolver knows, so that a
// request that went past the proxy would fail.
func TestVirtualHostThroughProxy(t *testing.T) {
	for profile, product := range products {
		t.Run(profile, func(t *testing.T) {
			bucket, _ := openOn(t, servers.Config{Product: product, Domain: "store.invalid"}, map[string]string{
				"profile": profile, "endpoint": "http://store.invalid", "addressing": "virtual-host", "proxy": "through",
			})
			body := []byte("by name")
			put(t, executor(t, bucket), bucket, "a b/+ü%", body, driver.Attributes{})
			page, err := bucket.List(t.Context(), driver.ListRequest{})
			if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != "a b/+ü%" {
				t.Fatalf("List = %+v, %v", page, err)
			}
			object, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "a b/+ü%"})
			if err != nil || object.Size != int64(len(body)) {
				t.Errorf("Stat = %+v, %v", object, err)
			}
			get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a b/+ü%"})
			if err != nil {
				t.Fatal(err)
			}
			if host := mustParse(t, get.URL).Host; host != "suite.store.invalid" {
				t.Errorf("the exchange goes to %s", host)
			}
			if answer, err := executor(t, bucket).Do(t.Context(), get, drivertest.Send{}); err != nil || !bytes.Equal(answer.Body, body) {
				t.Errorf("get = %q, %v", answer.Body, err)
			}
		})
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestGenericProfile proves that a store of which nothing is known can be used.
func TestGenericProfile(t *testing.T) {
	bucket, _ := openOn(t, servers.Config{Product: servers.MinIO}, map[string]string{})
	if !bucket.Session().KeyRules.LookUp || len(bucket.Session().Checksums.Stored) > 0 {
		t.Errorf("the generic profile trusts too much: %+v", bucket.Session())
	}
	runner := executor(t, bucket)
	put(t, runner, bucket, "k", []byte("body"), driver.Attributes{Metadata: []driver.Metadata{{Name: "a", Value: "b"}}})
	get, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := runner.Do(t.Context(), get, drivertest.Send{})
	if err != nil || string(answer.Body) != "body" || len(answer.Attributes.Metadata) != 1 {
		t.Errorf("get = %q with %+v, %v", answer.Body, answer.Attributes, err)
	}
}

// TestPublicBucket reads without credentials what everybody may read.
func TestPublicBucket(t *testing.T) {
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Signature") {
			t.Error("a request without credentials is signed")
		}
		w.Header().Set("Etag", `"e"`)
		_, _ = w.Write([]byte("<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>"))
	}))
	defer public.Close()
	bucket, err := store{}.Open(t.Context(), driver.OpenRequest{
		Bucket: "suite", Credentials: "anonymous", Options: map[string]string{"endpoint": public.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bucket.Close() }()
	page, listErr := bucket.List(t.Context(), driver.ListRequest{})
	_, statErr := bucket.Stat(t.Context(), driver.StatRequest{Key: "k"})
	if err := errors.Join(listErr, statErr); err != nil || len(page.Objects) != 1 {
		t.Errorf("List = %+v, %v", page, err)
	}
}
