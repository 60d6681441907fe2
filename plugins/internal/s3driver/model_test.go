package s3driver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/control/controltest"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestModelIsWhole: what becomes of every header that Amazon's API reference gives an answer to
// GetObject or HeadObject is decided, and what is told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	controltest.Model{
		Model: model,
		Documented: map[control.Fate][]string{
			control.Carried: {
				"x-amz-checksum-crc32: v", "x-amz-checksum-crc32c: v", "x-amz-checksum-crc64nvme: v", "x-amz-checksum-md5: v",
				"x-amz-checksum-sha1: v", "x-amz-checksum-sha256: v", "x-amz-checksum-sha512: v", "x-amz-checksum-type: v",
				"x-amz-checksum-xxhash128: v", "x-amz-checksum-xxhash3: v", "x-amz-checksum-xxhash64: v", "x-amz-meta-owner: v",
				"x-amz-storage-class: v", "x-amz-tagging-count: v", "x-amz-version-id: v",
			},
			control.Told: {
				"x-amz-missing-meta: v", "x-amz-object-lock-event-hold: v", "x-amz-object-lock-event-hold-duration-days: v",
				"x-amz-object-lock-event-hold-duration-years: v", "x-amz-object-lock-legal-hold: ON", "x-amz-object-lock-mode: v",
				"x-amz-object-lock-retain-until-date: v", "x-amz-website-redirect-location: v",
			},
			control.Apart: {
				"x-amz-archive-status: v", "x-amz-delete-marker: v", "x-amz-expiration: v", "x-amz-mp-parts-count: v",
				"x-amz-replication-status: v", "x-amz-request-charged: v", "x-amz-restore: v", "x-amz-server-side-encryption: v",
				"x-amz-server-side-encryption-aws-kms-key-id: v", "x-amz-server-side-encryption-bucket-key-enabled: v",
				"x-amz-server-side-encryption-customer-algorithm: v", "x-amz-server-side-encryption-customer-key-md5: v",
				"x-amz-object-lock-legal-hold: OFF",
			},
		},
		Stat: func(answer http.Header) driver.Attributes { return objectFrom("k", answer).Attributes },
		Get:  newReplies(Profile{}).get,
	}.Check(t)
}

// TestCompressedObjectsComeAsStored: where the profile says so, downloads and HEADs accept
// what the object is stored in, outside the signature, and no other call does.
func TestCompressedObjectsComeAsStored(t *testing.T) {
	profile := rich
	profile.AcceptEncoding, profile.StoredEncoding = "gzip", "x-goog-stored-content-encoding"
	accepted, told := map[string]string{}, map[string]string{}
	bucket, _ := answering(t, profile, func(w http.ResponseWriter, r *http.Request) {
		accepted[r.Method] = r.Header.Get("Accept-Encoding")
		if strings.Contains(strings.ToLower(r.Header.Get("Authorization")), "accept-encoding") {
			t.Errorf("%s signs it: %s", r.Method, r.Header.Get("Authorization"))
		}
		w.Header().Set("X-Amz-Request-Id", "id")
		w.Header().Set("Etag", `"e"`)
		for name, value := range told {
			w.Header().Set(name, value)
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
		}
	})
	for name, test := range map[string]struct {
		stored, encoding string
		kind             driver.Kind
	}{
		"as stored":      {"gzip", "gzip", driver.KindUnknown},
		"not compressed": {"identity", "", driver.KindUnknown},
		"not told":       {"", "gzip", driver.KindUnknown},
		"decompressed":   {"gzip", "", driver.KindIntegrity},
		"compressed":     {"identity", "gzip", driver.KindIntegrity},
	} {
		told = map[string]string{"x-goog-stored-content-encoding": test.stored, "Content-Encoding": test.encoding}
		object, err := bucket.Stat(t.Context(), driver.StatRequest{Key: "k"})
		if driver.KindOf(err) != test.kind || err == nil && object.Attributes.ContentEncoding != test.encoding {
			t.Errorf("%s: %+v, %v", name, object, err)
		}
	}
	told = nil
	if _, err := bucket.List(t.Context(), driver.ListRequest{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"HEAD": "gzip", "GET": ""}, accepted); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
	signed, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Header{Name: "accept-encoding", Value: "gzip"}
	if last := signed.Header[len(signed.Header)-1]; last != want || strings.Contains(signed.URL, "accept-encoding") {
		t.Errorf("signed %+v", signed)
	}
	if signed.Reply.StoredEncoding != profile.StoredEncoding {
		t.Errorf("the reply has %q", signed.Reply.StoredEncoding)
	}
}
