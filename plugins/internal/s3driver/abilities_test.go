package s3driver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestClassAndTagsAreSigned wants class and tags in the headers of PUTs and uploads.
func TestClassAndTagsAreSigned(t *testing.T) {
	bucket, seen := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	})
	attributes := driver.Attributes{StorageClass: "GLACIER", Tags: []driver.Tag{{Key: "a b", Value: "c+d=e/&"}, {Key: "ü", Value: ""}}}
	exchange, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	tags := "a%20b=c%2Bd%3De%2F%26&%C3%BC="
	if diff := cmp.Diff(map[string]string{"x-amz-storage-class": "GLACIER", "x-amz-tagging": tags}, headersOf(exchange)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if !strings.Contains(exchange.URL, "SignedHeaders=content-length%3Bhost%3Bx-amz-storage-class%3Bx-amz-tagging") {
		t.Errorf("the headers are not signed: %s", exchange.URL)
	}
	if _, err := bucket.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k", Attributes: attributes}); err != nil {
		t.Fatal(err)
	}
	want := "POST /bucket/k?uploads=\nx-amz-storage-class: GLACIER\nx-amz-tagging: " + tags
	if diff := cmp.Diff([]string{want}, *seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestUnmappableIsRefused wants no class and no tag dropped in silence.
func TestUnmappableIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		attributes driver.Attributes
		want       string
	}{
		"class":         {driver.Attributes{StorageClass: "COLD"}, `no storage class "COLD"`},
		"too many tags": {driver.Attributes{Tags: make([]driver.Tag, 3)}, "3 tags, this store keeps 2"},
	}
	bucket := openAt(t, "http://127.0.0.1:1", rich, "anonymous")
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Attributes: test.attributes})
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("SignPut = %v, want %q", err, test.want)
			}
		})
	}
}

func TestTags(t *testing.T) {
	cases := map[string]struct {
		answer string
		want   []driver.Tag
	}{
		"none":   {`<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet></TagSet></Tagging>`, nil},
		"sorted": {`<Tagging><TagSet><Tag><Key>b</Key><Value>1 &amp; 2</Value></Tag><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>`, []driver.Tag{{Key: "a"}, {Key: "b", Value: "1 & 2"}}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, seen := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, test.answer) })
			got, err := bucket.Tags(t.Context(), driver.StatRequest{Key: "k", VersionID: "v+"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Tags (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"GET /bucket/k?tagging=&versionId=v%2B"}, *seen); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
	bucket, _ := answering(t, rich, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<Tagging></Tagging>") })
	if tags, err := bucket.Tags(t.Context(), driver.StatRequest{Key: "k"}); err == nil {
		t.Errorf("an answer that breaks off passes for %v", tags)
	}
}

// TestRestore plays Amazon's answers: no server on one machine archives objects.
func TestRestore(t *testing.T) {
	notArchived := `<Error><Code>InvalidObjectState</Code><Message>Restore is not allowed for the object's current storage class</Message></Error>`
	cases := map[string]struct {
		status   int
		body     string
		class    string // that a HEAD tells
		archive  string // x-amz-archive-status
		readable bool
		kind     driver.Kind // 0 for success
	}{
		"begins":                  {status: 202},
		"restored already":        {status: 200, readable: true},
		"under way":               {status: 409, body: "<Error><Code>RestoreAlreadyInProgress</Code></Error>"},
		"never archived":          {status: 403, body: notArchived, readable: true},
		"read at once":            {status: 403, body: notArchived, class: "STANDARD_IA", readable: true},
		"archived all the same":   {status: 403, body: notArchived, class: "GLACIER", kind: driver.KindFrozen},
		"archived by its tiering": {status: 403, body: notArchived, class: "INTELLIGENT_TIERING", archive: "ARCHIVE_ACCESS", kind: driver.KindFrozen},
		"absent":                  {status: 404, body: "<Error><Code>NoSuchKey</Code></Error>", kind: driver.KindNotFound},
		"denied":                  {status: 403, body: "<Error><Code>AccessDenied</Code></Error>", kind: driver.KindDenied},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, seen := answering(t, rich, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.Header().Set("X-Amz-Storage-Class", test.class)
					w.Header().Set("X-Amz-Archive-Status", test.archive)
					return
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			readable, err := bucket.Restore(t.Context(), driver.RestoreRequest{Key: "k", Days: 3})
			if readable != test.readable || (err == nil) != (test.kind == 0) || driver.KindOf(err) != test.kind {
				t.Errorf("Restore = %t, %v (%v), want %t and %v", readable, err, driver.KindOf(err), test.readable, test.kind)
			}
			if got := (*seen)[0]; got != "POST /bucket/k?restore=" {
				t.Errorf("the request is %s", got)
			}
		})
	}
	if _, err := openAt(t, "http://127.0.0.1:1", rich, "anonymous").Restore(t.Context(), driver.RestoreRequest{Key: "k"}); driver.KindOf(err) != driver.KindInvalidArgument {
		t.Errorf("restoring for 0 days = %v", err)
	}
}

// TestFrozen reads the answer to a GET of an archived object as the host does.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 400} {
		if kind := driver.Classify(errorRules, status, "InvalidObjectState", "The operation is not valid for the object's storage class"); kind != driver.KindFrozen {
			t.Errorf("an archived object is %v", kind)
		}
	}
}
