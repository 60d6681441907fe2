package s3driver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// documented are the headers that Amazon's API reference gives an answer to GetObject or
// HeadObject, beside those of HTTP itself.
var documented = map[string]control.Fate{
	"x-amz-archive-status": control.Apart, "x-amz-checksum-crc32": control.Carried, "x-amz-checksum-crc32c": control.Carried,
	"x-amz-checksum-crc64nvme": control.Carried, "x-amz-checksum-md5": control.Carried, "x-amz-checksum-sha1": control.Carried,
	"x-amz-checksum-sha256": control.Carried, "x-amz-checksum-sha512": control.Carried, "x-amz-checksum-type": control.Carried,
	"x-amz-checksum-xxhash128": control.Carried, "x-amz-checksum-xxhash3": control.Carried, "x-amz-checksum-xxhash64": control.Carried,
	"x-amz-delete-marker": control.Apart, "x-amz-expiration": control.Apart, "x-amz-meta-owner": control.Carried,
	"x-amz-missing-meta": control.Told, "x-amz-mp-parts-count": control.Apart, "x-amz-object-lock-event-hold": control.Told,
	"x-amz-object-lock-event-hold-duration-days": control.Told, "x-amz-object-lock-event-hold-duration-years": control.Told,
	"x-amz-object-lock-legal-hold": control.Told, "x-amz-object-lock-mode": control.Told, "x-amz-object-lock-retain-until-date": control.Told,
	"x-amz-replication-status": control.Apart, "x-amz-request-charged": control.Apart, "x-amz-restore": control.Apart,
	"x-amz-server-side-encryption": control.Apart, "x-amz-server-side-encryption-aws-kms-key-id": control.Apart,
	"x-amz-server-side-encryption-bucket-key-enabled": control.Apart, "x-amz-server-side-encryption-customer-algorithm": control.Apart,
	"x-amz-server-side-encryption-customer-key-md5": control.Apart, "x-amz-storage-class": control.Carried,
	"x-amz-tagging-count": control.Carried, "x-amz-version-id": control.Carried, "x-amz-website-redirect-location": control.Told,
}

// TestModelIsWhole: what becomes of every header of the object model is decided, and what is
// told comes out of GET and of Stat.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	for name, want := range documented {
		for fate, names := range model {
			if is := driver.IsNotCarried(names, name, "ON"); is != (fate == want) {
				t.Errorf("%s has the fate %d: %t, want %d", name, fate, is, want)
			}
		}
	}
	get := newReplies(Profile{}).get.NotCarried
	for fate, names := range model {
		for _, entry := range names {
			name, value, only := strings.Cut(entry, ": ")
			if name = strings.Replace(name, "*", "any", 1); !only {
				value = "v"
			}
			want := []string(nil)
			if fate == control.Told {
				want = []string{name + ": " + value}
			}
			header := http.Header{}
			header.Set(name, value)
			if diff := cmp.Diff(want, objectFrom("k", header).Attributes.NotCarried); diff != "" {
				t.Errorf("Stat of %s (-want +got):\n%s", entry, diff)
			}
			if driver.IsNotCarried(get, name, value) != (fate == control.Told) {
				t.Errorf("a GET with %s: %t", entry, fate != control.Told)
			}
			if strings.ToLower(name) != name {
				t.Errorf("%s is not in lower case", entry)
			}
		}
	}
	header := http.Header{"X-Amz-Object-Lock-Legal-Hold": {"OFF"}, "X-Amz-Anything-New": {"v"}}
	if told := objectFrom("k", header).Attributes.NotCarried; told != nil {
		t.Errorf("told: %q", told)
	}
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
