package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

// write puts one object on each way that there is and returns their keys.
func write(t *testing.T, b *bucket, source driver.CopySource) []string {
	t.Helper()
	ctx := t.Context()
	put(t, b, "put", []byte("body"), driver.Attributes{})
	upload, err := b.CreateUpload(ctx, driver.CreateUploadRequest{Key: "upload"})
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := b.SignPart(ctx, driver.PartRequest{Upload: upload.UploadRef, Number: 1, Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := executor(t, b).Do(ctx, exchange, drivertest.Send{Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	part := driver.Part{Number: 1, Size: 4, ETag: answer.ETag}
	if _, err := b.CompleteUpload(ctx, driver.CompleteUploadRequest{Upload: upload.UploadRef, Parts: []driver.Part{part}, Size: 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CopyObject(ctx, driver.CopyObjectRequest{Source: source, Object: driver.Object{Key: "put", Size: 4}, Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	return []string{"put", "upload", "copy"}
}

// TestWishes asks the emulator what became of the wishes.
func TestWishes(t *testing.T) {
	server := startEmulator(t)
	b := opened(t, at(suite, "env:GOOD", server.Endpoint, map[string]string{"acl": "public-read", "sse": "AES256"}))
	site, err := b.site(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range write(t, b, driver.CopySource{Bucket: suite}) {
		access, err := site.sdk.GetObjectAcl(t.Context(), &oss.GetObjectAclRequest{Bucket: oss.Ptr(suite), Key: &key})
		if err != nil || oss.ToString(access.ACL) != "public-read" {
			t.Errorf("%s: access %+v, %v", key, access, err)
		}
		head, err := site.sdk.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(suite), Key: &key})
		if err != nil || oss.ToString(head.ServerSideEncryption) != "AES256" {
			t.Errorf("%s: encryption %+v, %v", key, head, err)
		}
	}
}

// TestKeyService: the emulator has none and says so, after it has checked the signature.
func TestKeyService(t *testing.T) {
	server := startEmulator(t)
	b := opened(t, at(suite, "env:GOOD", server.Endpoint, map[string]string{"sse": "KMS", "sse-kms-key": "k"}))
	exchange, err := b.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Header{{Name: "x-oss-server-side-encryption", Value: "KMS"}, {Name: "x-oss-server-side-encryption-key-id", Value: "k"}}
	if diff := cmp.Diff(want, exchange.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if _, err := executor(t, b).Do(t.Context(), exchange, drivertest.Send{Body: []byte("1")}); err == nil || !strings.Contains(err.Error(), "KmsServiceNotEnabled") {
		t.Errorf("PUT: %v", err)
	}
	if _, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k"}); b.translate(err).Code != "KmsServiceNotEnabled" {
		t.Errorf("CreateUpload: %v", err)
	}
}

func TestWishesRefused(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]map[string]string{
		"option sse-kms-key is of no use without sse=KMS":           {"sse": "AES256", "sse-kms-key": "k"},
		`"aws:kms" is none of none, AES256, KMS, SM4`:               {"sse": "aws:kms"},
		`"bucket-owner-read" is none of default, private`:           {"acl": "bucket-owner-read"},
		"option requester-pays: nobody can be charged":              {"requester-pays": "true"},
		`option requester-pays: "requester" is none of false, true`: {"requester-pays": "requester"},
	} {
		_, err := store{}.Open(t.Context(), at(suite, "anonymous", "http://127.0.0.1:9", options))
		if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestRequesterPays: each request says so, signed, because OSS signs all of its own headers.
func TestRequesterPays(t *testing.T) {
	server := startEmulator(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked, silent := 0, []string{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		mu.Lock()
		defer mu.Unlock()
		asked++
		if r.In.Header.Get("X-Oss-Request-Payer") != "requester" {
			silent = append(silent, r.In.Method+" "+r.In.URL.RequestURI())
		}
	}})
	t.Cleanup(proxy.Close)
	pays := map[string]string{"requester-pays": "true", "region": region, "endpoint": proxy.URL, "proxy": "none"}
	source := driver.CopySource{Bucket: suite, Options: pays}
	b := opened(t, at(suite, "env:GOOD", proxy.URL, pays))
	write(t, b, source)
	exchange, err := b.SignGet(t.Context(), driver.GetRequest{Key: "put"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := executor(t, b).Do(t.Context(), exchange, drivertest.Send{}); err != nil {
		t.Errorf("GET: %v", err)
	}
	if _, err := b.Stat(t.Context(), driver.StatRequest{Key: "put"}); err != nil {
		t.Error(err)
	}
	if _, err := b.List(t.Context(), driver.ListRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := b.Tags(t.Context(), driver.StatRequest{Key: "put"}); err != nil {
		t.Error(err)
	}
	if len(silent) > 0 || asked < 9 {
		t.Errorf("of %d requests, these do not say who pays: %q", asked, silent)
	}
	// A destination that is paid for by its owner copies from a source that is not.
	own := opened(t, at(other, "env:GOOD", proxy.URL, nil))
	if err := own.ReachCopy(t.Context(), source); err != nil {
		t.Error(err)
	}
	if _, err := own.CopyObject(t.Context(), driver.CopyObjectRequest{Source: source, Object: driver.Object{Key: "put", Size: 4}, Key: "copy"}); err != nil {
		t.Error(err)
	}
	if len(silent) > 0 {
		t.Errorf("these requests about the source do not say who pays: %q", silent)
	}
	if _, err := own.Stat(t.Context(), driver.StatRequest{Key: "copy"}); err != nil || len(silent) != 1 || silent[0] != http.MethodHead+" /"+other+"/copy" {
		t.Errorf("Stat at the destination: %v, %q", err, silent)
	}
}
