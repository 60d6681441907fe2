package s3driver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestAttributeHeaders(t *testing.T) {
	t.Parallel()
	bucket := openAt(t, "http://127.0.0.1:9", Profile{Metadata: MetadataSet{UTF8: true, HeaderUTF8: true}}, "anonymous")
	got, err := bucket.attributeHeaders(driver.Attributes{
		ContentType: "text/plain", ContentEncoding: "gzip", ContentLanguage: "de", ContentDisposition: `inline; filename="ä"`,
		CacheControl: "no-cache", Expires: "0", Metadata: []driver.Metadata{{Name: "Owner", Value: "日本"}, {Name: "empty", Value: ""}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Header{
		{Name: "cache-control", Value: "no-cache"}, {Name: "content-disposition", Value: `inline; filename="ä"`},
		{Name: "content-encoding", Value: "gzip"}, {Name: "content-language", Value: "de"}, {Name: "content-type", Value: "text/plain"},
		{Name: "expires", Value: "0"}, {Name: "x-amz-meta-owner", Value: "日本"}, {Name: "x-amz-meta-empty", Value: ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestAttributesThatWouldBeSpoilt proves that nothing is dropped in silence: the
// error names what cannot be stored.
func TestAttributesThatWouldBeSpoilt(t *testing.T) {
	t.Parallel()
	ascii := MetadataSet{ExpiresDate: true}
	metadata := func(name, value string) driver.Attributes {
		return driver.Attributes{Metadata: []driver.Metadata{{Name: name, Value: value}}}
	}
	cases := map[string]struct {
		kept       MetadataSet
		attributes driver.Attributes
		want       string
	}{
		"beyond ASCII":        {ascii, metadata("owner", "ä"), `metadata "owner"`},
		"not UTF-8":           {MetadataSet{UTF8: true}, metadata("owner", "\xff"), `metadata "owner"`},
		"new line":            {MetadataSet{UTF8: true}, metadata("owner", "a\nb"), `metadata "owner"`},
		"leading space":       {ascii, metadata("owner", " a"), `metadata "owner"`},
		"name with a space":   {ascii, metadata("the owner", "a"), `metadata "the owner"`},
		"empty name":          {ascii, metadata("", "a"), `metadata ""`},
		"header beyond ASCII": {ascii, driver.Attributes{ContentDisposition: "ä"}, "content-disposition"},
		"Expires is no date":  {ascii, driver.Attributes{Expires: "0"}, "expires"},
		"Expires rewritten":   {ascii, driver.Attributes{Expires: "Wed, 21 Oct 2035 07:28:00 GMT"}, "expires"}, // a Sunday
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := openAt(t, "http://127.0.0.1:9", Profile{Metadata: test.kept}, "anonymous")
			_, put := bucket.SignPut(t.Context(), driver.PutRequest{Key: "k", Size: 1, Attributes: test.attributes})
			_, create := bucket.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "k", Attributes: test.attributes})
			for op, err := range map[string]error{"SignPut": put, "CreateUpload": create} {
				if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s = %v (%v), want invalid argument that names %s", op, err, driver.KindOf(err), test.want)
				}
			}
		})
	}
}

func TestObjectFrom(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	for name, value := range map[string]string{
		"Etag": `W/"e-2"`, "Content-Length": "12", "Last-Modified": "Mon, 23 Nov 2026 07:31:47 GMT", "Content-Encoding": "aws-chunked, gzip,aws-chunked",
		"X-Amz-Storage-Class": "GLACIER", "X-Amz-Version-Id": "v", "X-Amz-Meta-B": "2", "X-Amz-Meta-A": "1", "Expires": "never",
		"X-Amz-Checksum-Crc32": "AAAAAQ==-2", "X-Amz-Checksum-Crc64nvme": "rosUhgp5mIg=", "X-Amz-Checksum-Sha1": "not base64!",
	} {
		header.Set(name, value)
	}
	want := driver.Object{
		Key: "k", Size: 12, ETag: "W/e-2", Modified: time.Date(2026, 11, 23, 7, 31, 47, 0, time.UTC), VersionID: "v", StorageClass: "GLACIER",
		Attributes: driver.Attributes{ContentEncoding: "gzip", Expires: "never", Metadata: []driver.Metadata{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}},
		Checksums: []driver.Checksum{
			{Algorithm: driver.AlgorithmCRC64NVME, Value: "\xae\x8b\x14\x86\x0a\x79\x98\x88"},
			{Algorithm: driver.AlgorithmCRC32, Value: "\x00\x00\x00\x01", Composite: true},
		},
	}
	if diff := cmp.Diff(want, objectFrom("k", header)); diff != "" {
		t.Errorf("objectFrom (-want +got):\n%s", diff)
	}
}

func TestUploadMarker(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"", ""}, {"a:b", "1:2"}, {"日本", "id"}, {"k", ""}} {
		key, id, err := readMarker(writeMarker(pair[0], pair[1]))
		if err != nil || key != pair[0] || id != pair[1] {
			t.Errorf("marker of %q came back as %q, %q, %v", pair, key, id, err)
		}
	}
	for _, token := range []string{"", "x", "9:short", "-1:a", "a:b"} {
		if _, _, err := readMarker(token); driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("readMarker(%q) = %v, want invalid argument", token, err)
		}
	}
}
