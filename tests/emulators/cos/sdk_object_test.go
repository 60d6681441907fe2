package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	cossdk "github.com/tencentyun/cos-go-sdk-v5"
)

func random(size int) []byte {
	seed := [32]byte{byte(size), byte(size >> 8), byte(size >> 16)}
	body := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(body) // never fails
	return body
}

func metadata(pairs ...string) *http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set("x-cos-meta-"+pairs[i], pairs[i+1])
	}
	return &h
}

func download(t *testing.T, client *cossdk.Client, key string, options *cossdk.ObjectGetOptions) ([]byte, *cossdk.Response) {
	t.Helper()
	response, err := client.Object.Get(t.Context(), key, options)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return body, response
}

func codeOf(err error) string {
	var refused *cossdk.ErrorResponse
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestClientPutsHeadsAndGets(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	for name, size := range map[string]int{"empty": 0, "one byte": 1, "in memory": 64 << 10, "in a file": 64<<10 + 1, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, body := "a folder/"+name+" ü+&%.bin", random(size)
			stored, err := client.Object.Put(t.Context(), key, bytes.NewReader(body), &cossdk.ObjectPutOptions{
				ObjectPutHeaderOptions: &cossdk.ObjectPutHeaderOptions{
					ContentType: "text/x-test", CacheControl: "max-age=7", ContentDisposition: "inline", ContentEncoding: "identity",
					ContentLanguage: "de", Expires: "Thu, 01 Dec 2033 16:00:00 GMT", XCosStorageClass: "STANDARD_IA",
					XCosMetaXXX: metadata("one", "1", "two", "zwei"),
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			head, err := client.Object.Head(t.Context(), key, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"Content-Type": "text/x-test", "Cache-Control": "max-age=7", "Content-Disposition": "inline", "Content-Encoding": "identity",
				"Content-Language": "de", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT", "X-Cos-Storage-Class": "STANDARD_IA",
				"X-Cos-Meta-One": "1", "X-Cos-Meta-Two": "zwei", "Etag": quoted(md5Of(body)), "Content-Length": itoa(size),
				"X-Cos-Hash-Crc64ecma": stored.Header.Get("X-Cos-Hash-Crc64ecma"),
			}
			got := map[string]string{}
			for name := range want {
				got[name] = head.Header.Get(name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("HEAD (-want +got):\n%s", diff)
			}
			back, response := download(t, client, key, nil)
			if !bytes.Equal(back, body) {
				t.Errorf("got %d bytes back, not those that were put", len(back))
			}
			if d := response.Header.Get("Content-Disposition"); d != "attachment" || response.Header.Get("x-cos-force-download") != "true" {
				t.Errorf("the default domain let the download be shown: %q", d)
			}
		})
	}
}

func TestClientGetsRanges(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	body := random(200_000)
	if _, err := client.Object.Put(t.Context(), "key", bytes.NewReader(body), nil); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]struct {
		body         []byte
		contentRange string
	}{
		"bytes=0-9":           {body[:10], "bytes 0-9/200000"},
		"bytes=70000-140000":  {body[70000:140001], "bytes 70000-140000/200000"},
		"bytes=199999-":       {body[199999:], "bytes 199999-199999/200000"},
		"bytes=199990-300000": {body[199990:], "bytes 199990-199999/200000"},
		"bytes=-7":            {body[199993:], "bytes 199993-199999/200000"},
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			got, response := download(t, client, "key", &cossdk.ObjectGetOptions{Range: header})
			if response.StatusCode != http.StatusPartialContent || response.Header.Get("Content-Range") != want.contentRange || !bytes.Equal(got, want.body) {
				t.Errorf("got %s, %s, %d bytes", response.Status, response.Header.Get("Content-Range"), len(got))
			}
		})
	}
}

func TestClientCopies(t *testing.T) {
	t.Parallel()
	e := start(t)
	client, other := e.sdk(), e.sdkAs(accessKey, secretKey, "", hostB)
	body := random(100_000)
	put := &cossdk.ObjectPutOptions{ObjectPutHeaderOptions: &cossdk.ObjectPutHeaderOptions{
		ContentType: "text/a", XCosStorageClass: "STANDARD_IA", XCosMetaXXX: metadata("a", "1"),
		XOptionHeader: &http.Header{"x-cos-tagging": {"k=v"}},
	}}
	for _, c := range []*cossdk.Client{client, other} {
		if _, err := c.Object.Put(t.Context(), "from ü", bytes.NewReader(body), put); err != nil {
			t.Fatal(err)
		}
	}
	replace := &cossdk.ObjectCopyOptions{ObjectCopyHeaderOptions: &cossdk.ObjectCopyHeaderOptions{
		XCosMetadataDirective: "Replaced", ContentType: "text/b", XCosMetaXXX: metadata("b", "2"), XCosStorageClass: "MAZ_STANDARD",
	}}
	for name, c := range map[string]struct {
		source  string
		options *cossdk.ObjectCopyOptions
		want    []string // type, metadata a and b, class
	}{
		"within a bucket":  {hostA, nil, []string{"text/a", "1", "", ""}},
		"between buckets":  {hostB, nil, []string{"text/a", "1", "", ""}},
		"replacing all of": {hostA, replace, []string{"text/b", "", "2", "MAZ_STANDARD"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, _, err := client.Object.Copy(t.Context(), "to "+name, c.source+"/from ü", c.options)
			if err != nil {
				t.Fatal(err)
			}
			back, response := download(t, client, "to "+name, nil)
			h := response.Header
			got := []string{h.Get("Content-Type"), h.Get("x-cos-meta-a"), h.Get("x-cos-meta-b"), h.Get("x-cos-storage-class")}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the copy's headers (-want +got):\n%s", diff)
			}
			if !bytes.Equal(back, body) || result.ETag != quoted(md5Of(body)) || result.CRC64 != h.Get("x-cos-hash-crc64ecma") {
				t.Errorf("the copy has %d bytes, %+v", len(back), result)
			}
			tags, _, err := client.Object.GetTagging(t.Context(), "to "+name)
			if err != nil || len(tags.TagSet) != 1 || tags.TagSet[0].Value != "v" {
				t.Errorf("the copy's tags: %+v, %v", tags, err)
			}
		})
	}
}

func TestClientDeletes(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	keys := []string{"a", "b", "c <&> ü"}
	for _, key := range keys {
		if _, err := client.Object.Put(t.Context(), key, bytes.NewReader(nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Object.Delete(t.Context(), "a"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := client.Object.Delete(t.Context(), "a"); err != nil {
		t.Errorf("delete what is gone: %v", err)
	}
	result, _, err := client.Object.DeleteMulti(t.Context(), &cossdk.ObjectDeleteMultiOptions{
		Objects: []cossdk.Object{{Key: "b"}, {Key: "c <&> ü"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]cossdk.Object{{Key: "b"}, {Key: "c <&> ü"}}, result.DeletedObjects); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	for _, key := range keys {
		if ok, err := client.Object.IsExist(t.Context(), key); ok || err != nil {
			t.Errorf("%q is still there: %v, %v", key, ok, err)
		}
	}
}

func TestClientTags(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	if _, err := client.Object.Put(t.Context(), "key", bytes.NewReader(nil), nil); err != nil {
		t.Fatal(err)
	}
	want := []cossdk.ObjectTaggingTag{{Key: "age", Value: "18"}, {Key: "name", Value: "a b+c"}}
	if _, err := client.Object.PutTagging(t.Context(), "key", &cossdk.ObjectPutTaggingOptions{TagSet: want}); err != nil {
		t.Fatal(err)
	}
	got, _, err := client.Object.GetTagging(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.TagSet); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if _, err := client.Object.DeleteTagging(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	if got, _, err = client.Object.GetTagging(t.Context(), "key"); err != nil || len(got.TagSet) != 0 {
		t.Errorf("after the tags were deleted: %+v, %v", got, err)
	}
}

func TestClientAppends(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	position := 0
	for _, piece := range []string{"one ", "two ", "three"} {
		next, _, err := client.Object.Append(t.Context(), "log", position, bytes.NewReader([]byte(piece)), nil)
		if err != nil {
			t.Fatalf("append at %d: %v", position, err)
		}
		position = next
	}
	if body, _ := download(t, client, "log", nil); string(body) != "one two three" {
		t.Errorf("appended %q", body)
	}
	if _, _, err := client.Object.Append(t.Context(), "log", 1, bytes.NewReader([]byte("x")), nil); codeOf(err) != "AppendPositionErr" {
		t.Errorf("append at another position: %v", err)
	}
	if _, err := client.Object.Put(t.Context(), "whole", bytes.NewReader(nil), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Object.Append(t.Context(), "whole", 0, bytes.NewReader([]byte("x")), nil); codeOf(err) != "ObjectNotAppendable" {
		t.Errorf("append to a normal object: %v", err)
	}
}

func TestClientAsksAboutBuckets(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	ctx := context.WithoutCancel(t.Context())
	if _, err := client.Bucket.Head(ctx); err != nil {
		t.Errorf("head bucket: %v", err)
	}
	if got, _, err := client.Bucket.GetLocation(ctx); err != nil || got.Location != region {
		t.Errorf("location: %+v, %v", got, err)
	}
	if got, _, err := client.Bucket.GetVersioning(ctx); err != nil || got.Status != "" {
		t.Errorf("versioning: %+v, %v", got, err)
	}
	service, _, err := client.Service.Get(ctx)
	if err != nil || len(service.Buckets) != 2 || service.Buckets[0].Name != bucketA || service.Buckets[1].Region != region {
		t.Errorf("service: %+v, %v", service, err)
	}
	if _, err := client.Bucket.PutACL(ctx, &cossdk.BucketPutACLOptions{Header: &cossdk.ACLHeaderOptions{XCosACL: "public-read"}}); err != nil {
		t.Errorf("put bucket ACL: %v", err)
	}
	acl, _, err := client.Bucket.GetACL(ctx)
	if err != nil || len(acl.AccessControlList) != 2 || acl.AccessControlList[1].Permission != "READ" {
		t.Errorf("bucket ACL: %+v, %v", acl, err)
	}
}

func TestClientUsesPresignedURLs(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	e.put("a%2F%C3%BC", "body")
	for name, merged := range map[string]bool{"by fields": false, "merged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed, err := client.Object.GetPresignedURL3(t.Context(), "GET", "a/ü", 1e12, &cossdk.PresignedURLOptions{SignMerged: merged})
			if err != nil {
				t.Fatal(err)
			}
			r := bare(t, "GET", signed.String(), "", "Range: bytes=1-2")
			if response, body := e.send(r); response.StatusCode != http.StatusPartialContent || body != "od" {
				t.Errorf("got %s %q", response.Status, body)
			}
		})
	}
}

func TestClientDownloadsInPieces(t *testing.T) {
	t.Parallel()
	client := start(t).sdk()
	body := random(3<<20 + 5)
	if _, err := client.Object.Put(t.Context(), "key", bytes.NewReader(body), nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copy")
	if _, err := client.Object.Download(t.Context(), "key", file, &cossdk.MultiDownloadOptions{PartSize: 1, ThreadPoolSize: 3}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, body) {
		t.Errorf("downloaded %d bytes, %v", len(got), err)
	}
}
