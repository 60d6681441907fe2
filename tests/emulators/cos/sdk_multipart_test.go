package main

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cossdk "github.com/tencentyun/cos-go-sdk-v5"
)

func ecma(body []byte) string {
	return strconv.FormatUint(crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)), 10)
}

// begin begins an upload and puts parts into it.
func begin(t *testing.T, client *cossdk.Client, key string, parts ...[]byte) (id string, uploaded []cossdk.Object) {
	t.Helper()
	begun, _, err := client.Object.InitiateMultipartUpload(t.Context(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		response, err := client.Object.UploadPart(t.Context(), key, begun.UploadID, i+1, bytes.NewReader(part), nil)
		if err != nil {
			t.Fatalf("part %d: %v", i+1, err)
		}
		if got := response.Header.Get("x-cos-hash-crc64ecma"); got != ecma(part) {
			t.Errorf("part %d: CRC-64 %s, want %s", i+1, got, ecma(part))
		}
		uploaded = append(uploaded, cossdk.Object{PartNumber: i + 1, ETag: response.Header.Get("ETag")})
	}
	return begun.UploadID, uploaded
}

func TestClientUploadsInParts(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	body := random(2*minPart + 77)
	options := &cossdk.InitiateMultipartUploadOptions{ObjectPutHeaderOptions: &cossdk.ObjectPutHeaderOptions{
		ContentType: "text/x-test", XCosMetaXXX: metadata("a", "1"), XCosStorageClass: "MAZ_STANDARD_IA",
	}}
	begun, _, err := client.Object.InitiateMultipartUpload(t.Context(), "key ü", options)
	if err != nil {
		t.Fatal(err)
	}
	complete := &cossdk.CompleteMultipartUploadOptions{}
	for i, number := range []int{3, 1, 2} { // in any order
		from := (number - 1) * minPart
		part := body[from:min(from+minPart, len(body))]
		response, err := client.Object.UploadPart(t.Context(), "key ü", begun.UploadID, number, bytes.NewReader(part), nil)
		if err != nil {
			t.Fatalf("part %d, the %d. to be sent: %v", number, i+1, err)
		}
		complete.Parts = append(complete.Parts, cossdk.Object{PartNumber: number, ETag: response.Header.Get("ETag")})
	}
	complete.Parts = append(complete.Parts[1:], complete.Parts[0])
	result, response, err := client.Object.CompleteMultipartUpload(t.Context(), "key ü", begun.UploadID, complete)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("x-cos-hash-crc64ecma"); got != ecma(body) {
		t.Errorf("CRC-64 of the whole is %s, want %s", got, ecma(body))
	}
	if !strings.HasSuffix(result.ETag, `-3"`) || result.Key != "key ü" || result.Bucket != bucketA {
		t.Errorf("result: %+v", result)
	}
	back, got := download(t, client, "key ü", nil)
	h := got.Header
	if !bytes.Equal(back, body) || h.Get("Content-Type") != "text/x-test" || h.Get("x-cos-meta-a") != "1" || h.Get("x-cos-storage-class") != "MAZ_STANDARD_IA" || h.Get("ETag") != result.ETag {
		t.Errorf("the object: %d bytes, %v", len(back), h)
	}
}

func TestETagOfPartsIsNoDigest(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	var etags []string
	for range 2 {
		id, parts := begin(t, client, "key", []byte("[Object Part]"))
		result, _, err := client.Object.CompleteMultipartUpload(t.Context(), "key", id, &cossdk.CompleteMultipartUploadOptions{Parts: parts})
		if err != nil {
			t.Fatal(err)
		}
		etags = append(etags, result.ETag)
	}
	if etags[0] == etags[1] {
		t.Errorf("two uploads of one part have one ETag: %v", etags)
	}
}

func TestClientUploadsFiles(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	for name, size := range map[string]int{"empty": 0, "one part": minPart, "more parts": 3*minPart + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, file := random(size), filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, body, 0o600); err != nil {
				t.Fatal(err)
			}
			options := &cossdk.MultiUploadOptions{PartSize: 1, ThreadPoolSize: 3, CheckPoint: true}
			if _, _, err := client.Object.Upload(t.Context(), name, file, options); err != nil {
				t.Fatal(err)
			}
			if back, _ := download(t, client, name, nil); !bytes.Equal(back, body) {
				t.Errorf("got %d bytes back", len(back))
			}
		})
	}
}

func TestClientResumesAnUpload(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	body, file := random(3*minPart), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, client, "key", body[:minPart], body[minPart:2*minPart])
	options := &cossdk.MultiUploadOptions{PartSize: 1, CheckPoint: true}
	if _, _, err := client.Object.Upload(t.Context(), "key", file, options); err != nil {
		t.Fatal(err)
	}
	if back, _ := download(t, client, "key", nil); !bytes.Equal(back, body) {
		t.Errorf("got %d bytes back", len(back))
	}
	if got := e.counts()["UploadPart"].Requests; got != 3 {
		t.Errorf("%d parts were sent, want 2 before and 1 after", got)
	}
}

func TestClientListsPartsByPages(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	var parts [][]byte
	for i := range 5 {
		parts = append(parts, fmt.Appendf(nil, "part %d", i))
	}
	id, uploaded := begin(t, client, "key", parts...)
	var got []cossdk.Object
	options := &cossdk.ObjectListPartsOptions{MaxParts: "2"}
	for {
		page, _, err := client.Object.ListParts(t.Context(), "key", id, options)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			got = append(got, cossdk.Object{PartNumber: p.PartNumber, ETag: p.ETag})
		}
		if !page.IsTruncated {
			break
		}
		options.PartNumberMarker = page.NextPartNumberMarker
	}
	if diff := cmp.Diff(uploaded, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestClientCopiesInParts(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	body := random(2*minPart + 5)
	if _, err := e.sdkAs(accessKey, secretKey, "", hostB).Object.Put(t.Context(), "from ü", bytes.NewReader(body), nil); err != nil {
		t.Fatal(err)
	}
	id, _ := begin(t, client, "key")
	complete := &cossdk.CompleteMultipartUploadOptions{}
	for i, span := range []string{"bytes=0-1048575", "bytes=1048576-2097151", "bytes=2097152-2097156"} {
		part, _, err := client.Object.CopyPart(t.Context(), "key", id, i+1, hostB+"/from ü", &cossdk.ObjectCopyPartOptions{XCosCopySourceRange: span})
		if err != nil {
			t.Fatalf("copy %s: %v", span, err)
		}
		complete.Parts = append(complete.Parts, cossdk.Object{PartNumber: i + 1, ETag: part.ETag})
	}
	if _, _, err := client.Object.CompleteMultipartUpload(t.Context(), "key", id, complete); err != nil {
		t.Fatal(err)
	}
	if back, _ := download(t, client, "key", nil); !bytes.Equal(back, body) {
		t.Errorf("got %d bytes back", len(back))
	}
}

func TestClientAborts(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	id, parts := begin(t, client, "key", []byte("part"))
	if got := e.uploads(); len(got) != 1 || got[0].ID != id || got[0].Key != "key" || got[0].Parts != 1 || got[0].Bucket != bucketA {
		t.Errorf("open uploads: %+v", got)
	}
	if _, err := client.Object.AbortMultipartUpload(t.Context(), "key", id); err != nil {
		t.Fatal(err)
	}
	if got := e.uploads(); len(got) != 0 {
		t.Errorf("still open: %+v", got)
	}
	if _, err := client.Object.AbortMultipartUpload(t.Context(), "key", id); codeOf(err) != "NoSuchUpload" {
		t.Errorf("abort again: %v", err)
	}
	_, _, err := client.Object.CompleteMultipartUpload(t.Context(), "key", id, &cossdk.CompleteMultipartUploadOptions{Parts: parts})
	if codeOf(err) != "NoSuchUpload" {
		t.Errorf("complete what was aborted: %v", err)
	}
}
