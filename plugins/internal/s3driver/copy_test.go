package s3driver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// rich is what Amazon has and no server on one machine does.
var rich = Profile{
	Checksums: Checksums{Stored: []string{"crc64nvme"}},
	Copies:    Copies{Objects: true, Parts: true},
	Classes:   []Class{{"STANDARD", "hot"}, {"GLACIER", "archive"}},
	Restore:   true,
	Limits:    Limits{MaxTags: 2, MaxCopy: 5 << 30},
}

// answering serves what the function says and returns a bucket there, and the requests
// that it was sent: method, path, query and the headers that the tests look at.
func answering(t *testing.T, profile Profile, answer http.HandlerFunc) (*Bucket, *[]string) {
	t.Helper()
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.Method + " " + r.URL.RequestURI()
		for _, name := range []string{"X-Amz-Copy-Source", "X-Amz-Copy-Source-If-Match", "X-Amz-Copy-Source-Range", "X-Amz-Storage-Class", "X-Amz-Tagging"} {
			if value := r.Header.Get(name); value != "" {
				text += "\n" + strings.ToLower(name) + ": " + value
				if !strings.Contains(r.Header.Get("Authorization"), strings.ToLower(name)) {
					t.Errorf("%s is not signed", name)
				}
			}
		}
		seen = append(seen, text)
		w.Header().Set("X-Amz-Request-Id", "R1")
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("T_ACCESS_KEY_ID", "AKID")
	t.Setenv("T_SECRET_ACCESS_KEY", "s")
	return openAt(t, server.URL, profile, "env:T"), &seen
}

const copied = `<CopyObjectResult><ETag>"e2"</ETag><ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType></CopyObjectResult>`

// crcOfDigits is the CRC64NVME of "123456789", as in copied.
var crcOfDigits = driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "\xae\x8b\x14\x86\x0a\x79\x98\x88"}

func TestCopyObject(t *testing.T) {
	cases := map[string]struct {
		object driver.Object
		class  string
		want   string
	}{
		"plain":       {driver.Object{Key: "a/b", ETag: "e1"}, "", "x-amz-copy-source: source/a/b\nx-amz-copy-source-if-match: \"e1\""},
		"odd key":     {driver.Object{Key: "/a b+c%20?versionId=x&ü#//../", ETag: "e1-2"}, "", "x-amz-copy-source: source//a%20b%2Bc%2520%3FversionId%3Dx%26%C3%BC%23//../\nx-amz-copy-source-if-match: \"e1-2\""},
		"one version": {driver.Object{Key: "a", VersionID: "v/1+"}, "", "x-amz-copy-source: source/a?versionId=v%2F1%2B"},
		"class":       {driver.Object{Key: "a"}, "GLACIER", "x-amz-copy-source: source/a\nx-amz-storage-class: GLACIER"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, seen := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Version-Id", "v2")
				fmt.Fprint(w, copied)
			})
			test.object.Size = 9
			got, err := bucket.CopyObject(t.Context(), driver.CopyObjectRequest{
				Source: driver.CopySource{Bucket: "source"}, Object: test.object, Key: "to/k", StorageClass: test.class,
			})
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Object{
				Key: "to/k", Size: 9, ETag: "e2", VersionID: "v2", StorageClass: test.class, Checksums: []driver.Checksum{crcOfDigits},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("CopyObject (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"PUT /bucket/to/k\n" + test.want}, *seen); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCopyPart(t *testing.T) {
	bucket, seen := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.ReplaceAll(copied, "CopyObjectResult", "CopyPartResult"))
	})
	got, err := bucket.CopyPart(t.Context(), driver.CopyPartRequest{
		Source: driver.CopySource{Bucket: "source"}, Object: driver.Object{Key: "k?", ETag: "e1"},
		Upload: driver.UploadRef{Key: "to", ID: "u+1"}, Number: 3, Offset: 10, Size: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(driver.Part{Number: 3, Size: 5, ETag: "e2", Checksums: []driver.Checksum{crcOfDigits}}, got); diff != "" {
		t.Errorf("CopyPart (-want +got):\n%s", diff)
	}
	want := "PUT /bucket/to?partNumber=3&uploadId=u%2B1\nx-amz-copy-source: source/k%3F\nx-amz-copy-source-if-match: \"e1\"\nx-amz-copy-source-range: bytes=10-14"
	if diff := cmp.Diff([]string{want}, *seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestCopyFails wants failures inside a 200 to be failures.
func TestCopyFails(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
		size   int64
		kind   driver.Kind
	}{
		"error in a success":    {200, "\n  \n<Error><Code>InternalError</Code><Message>m</Message></Error>", 1, driver.KindUnavailable},
		"slow down in one":      {200, "<Error><Code>SlowDown</Code></Error>", 1, driver.KindThrottled},
		"source changed in one": {200, "<Error><Code>PreconditionFailed</Code></Error>", 1, driver.KindPreconditionFailed},
		"cut answer":            {200, "    ", 1, driver.KindUnavailable},
		"no ETag":               {200, "<CopyObjectResult></CopyObjectResult>", 1, driver.KindUnavailable},
		"source changed":        {412, "<Error><Code>PreconditionFailed</Code></Error>", 1, driver.KindPreconditionFailed},
		"source archived":       {403, "<Error><Code>InvalidObjectState</Code></Error>", 1, driver.KindFrozen},
		"too large for one":     {200, copied, 5<<30 + 1, driver.KindUnsupported},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, _ := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			object := driver.Object{Key: "k", ETag: "e", Size: test.size}
			_, err := bucket.CopyObject(t.Context(), driver.CopyObjectRequest{Source: driver.CopySource{Bucket: "source"}, Object: object, Key: "to"})
			if driver.KindOf(err) != test.kind {
				t.Errorf("CopyObject = %v (%v), want %v", err, driver.KindOf(err), test.kind)
			}
			if test.size > 5<<30 {
				return // is what parts are for
			}
			_, err = bucket.CopyPart(t.Context(), driver.CopyPartRequest{Source: driver.CopySource{Bucket: "source"}, Object: object, Number: 1, Size: 1, Upload: driver.UploadRef{Key: "to", ID: "u"}})
			if driver.KindOf(err) != test.kind {
				t.Errorf("CopyPart = %v (%v), want %v", err, driver.KindOf(err), test.kind)
			}
		})
	}
	plain := rich
	plain.Copies.Parts = false
	bucket, _ := answering(t, plain, func(http.ResponseWriter, *http.Request) { t.Error("a store that cannot is asked") })
	_, err := bucket.CopyPart(t.Context(), driver.CopyPartRequest{Source: driver.CopySource{Bucket: "source"}, Upload: driver.UploadRef{Key: "to", ID: "u"}})
	if driver.KindOf(err) != driver.KindUnsupported || bucket.Session().Limits.MaxCopy != 0 {
		t.Errorf("CopyPart = %v, MaxCopy %d", err, bucket.Session().Limits.MaxCopy)
	}
}

func TestReachCopy(t *testing.T) {
	const page = `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a?b</Key><Size>1</Size></Contents></ListBucketResult>`
	list, get := "GET /source/?encoding-type=url&list-type=2&max-keys=1", "GET /source/a%3Fb"
	cases := map[string]struct {
		listing, body string
		status        int // of the object
		endpoint      string
		kind          driver.Kind // 0 for success
		want          []string
	}{
		"readable":         {page, "x", 206, "", 0, []string{list, get}},
		"empty bucket":     {"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>", "", 0, "", 0, []string{list}},
		"empty object":     {page, "<Error><Code>InvalidRange</Code></Error>", 416, "", 0, []string{list, get}},
		"archived":         {page, "<Error><Code>InvalidObjectState</Code></Error>", 403, "", 0, []string{list, get}},
		"deleted since":    {page, "<Error><Code>NoSuchKey</Code></Error>", 404, "", 0, []string{list, get}},
		"listed, not read": {page, "<Error><Code>AccessDenied</Code></Error>", 403, "", driver.KindDenied, []string{list, get}},
		"absent bucket":    {"<Error><Code>NoSuchBucket</Code></Error>", "", 0, "", driver.KindNotFound, []string{list}},
		"another store":    {page, "x", 206, "https://other.example", driver.KindUnsupported, nil},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, seen := answering(t, rich, func(w http.ResponseWriter, r *http.Request) {
				body := test.body
				if r.URL.Path == "/source/" {
					body = test.listing
					if strings.Contains(body, "NoSuchBucket") {
						w.WriteHeader(404)
					}
				} else {
					w.WriteHeader(test.status)
				}
				fmt.Fprint(w, body)
			})
			endpoint := test.endpoint
			if endpoint == "" {
				endpoint = "http://" + storeOf(bucket.config)
			}
			err := bucket.ReachCopy(t.Context(), driver.CopySource{Bucket: "source", Options: map[string]string{"endpoint": endpoint}})
			if (err == nil) != (test.kind == 0) || driver.KindOf(err) != test.kind {
				t.Errorf("ReachCopy = %v (%v), want %v", err, driver.KindOf(err), test.kind)
			}
			if diff := cmp.Diff(test.want, *seen); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReachCopyWithoutKeys leaves to those who sign what a store does for them.
func TestReachCopyWithoutKeys(t *testing.T) {
	bucket := openAt(t, "http://127.0.0.1:1", rich, "anonymous")
	err := bucket.ReachCopy(t.Context(), driver.CopySource{Bucket: "source", Options: map[string]string{"endpoint": "http://127.0.0.1:1"}})
	if driver.KindOf(err) != driver.KindDenied {
		t.Errorf("ReachCopy = %v, want denied", err)
	}
}
