package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	osssdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/google/go-cmp/cmp"
)

// begin begins an upload and sends parts, numbered from 1.
func begin(t *testing.T, c *osssdk.Client, key string, parts ...[]byte) (id string, list []osssdk.UploadPart) {
	t.Helper()
	created, err := c.InitiateMultipartUpload(t.Context(), &osssdk.InitiateMultipartUploadRequest{
		Bucket: osssdk.Ptr(bucketA), Key: &key, ContentType: osssdk.Ptr("text/x-y"), Metadata: map[string]string{"a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *created.Key != key {
		t.Errorf("the upload is of %q, want %q", *created.Key, key)
	}
	for i, body := range parts {
		result, err := c.UploadPart(t.Context(), &osssdk.UploadPartRequest{
			Bucket: osssdk.Ptr(bucketA), Key: &key, UploadId: created.UploadId, PartNumber: int32(i + 1), Body: bytes.NewReader(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		if *result.HashCRC64 != ecma(body) {
			t.Errorf("part %d has CRC-64 %s", i+1, *result.HashCRC64)
		}
		list = append(list, osssdk.UploadPart{PartNumber: int32(i + 1), ETag: result.ETag})
	}
	return *created.UploadId, list
}

func complete(t *testing.T, c *osssdk.Client, key, id string, list []osssdk.UploadPart) (*osssdk.CompleteMultipartUploadResult, error) {
	t.Helper()
	return c.CompleteMultipartUpload(t.Context(), &osssdk.CompleteMultipartUploadRequest{
		Bucket: osssdk.Ptr(bucketA), Key: &key, UploadId: &id, CompleteMultipartUpload: &osssdk.CompleteMultipartUpload{Parts: list},
	})
}

func TestVendorsClientUploadsInParts(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	body := random(2*minPart + 17)
	const key = "a b/ü"
	id, list := begin(t, c, key, body[:minPart], body[minPart:2*minPart], body[2*minPart:])
	result, err := complete(t, c, key, id, list)
	if err != nil {
		t.Fatal(err)
	}
	if *result.HashCRC64 != ecma(body) || !strings.HasSuffix(*result.ETag, `-3"`) || *result.Key != key {
		t.Errorf("CRC-64 %s, ETag %s, key %q", *result.HashCRC64, *result.ETag, *result.Key)
	}
	got, read := sdkGet(t, c, key)
	if !bytes.Equal(read, body) || *got.ETag != *result.ETag || *got.ObjectType != "Multipart" || *got.ContentType != "text/x-y" || got.Metadata["a"] != "1" {
		t.Errorf("%d bytes, %v", len(read), got.Headers)
	}
	if _, err := complete(t, c, key, id, list); code(err) != "NoSuchUpload" {
		t.Errorf("complete again: %v", err)
	}
}

func TestVendorsUploaderAndCopier(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	body := random(1_000_000)
	uploader := osssdk.NewUploader(c, func(o *osssdk.UploaderOptions) { o.PartSize, o.ParallelNum = 150_000, 3 })
	up, err := uploader.UploadFrom(t.Context(), &osssdk.PutObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), Metadata: map[string]string{"a": "1"}}, bytes.NewReader(body))
	if err != nil || *up.HashCRC64 != ecma(body) {
		t.Fatalf("upload: %v %v", up, err)
	}
	copier := osssdk.NewCopier(c, func(o *osssdk.CopierOptions) {
		o.PartSize, o.ParallelNum, o.MultipartCopyThreshold, o.DisableShallowCopy = 300_000, 2, 400_000, true
	})
	result, err := copier.Copy(t.Context(), &osssdk.CopyObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("copy"), SourceKey: osssdk.Ptr("key")})
	if err != nil {
		t.Fatal(err)
	}
	got, read := sdkGet(t, c, "copy")
	if !bytes.Equal(read, body) || *got.HashCRC64 != ecma(body) || !strings.HasSuffix(*result.ETag, `-4"`) || got.Metadata["a"] != "1" {
		t.Errorf("%d bytes, ETag %s, %v", len(read), *result.ETag, got.Headers)
	}
}

func TestPartNumbersMayHaveGapsAndPartsMayBeReplaced(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	id, _ := begin(t, c, "key")
	var list []osssdk.UploadPart
	for _, p := range []struct {
		number int32
		body   string
	}{{10000, "last"}, {3, "first, at first"}, {3, strings.Repeat("x", minPart)}, {5, "left out"}} {
		result, err := c.UploadPart(t.Context(), &osssdk.UploadPartRequest{
			Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), UploadId: &id, PartNumber: p.number, Body: strings.NewReader(p.body),
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.body == "last" || len(p.body) == minPart {
			list = append([]osssdk.UploadPart{{PartNumber: p.number, ETag: result.ETag}}, list...)
		}
	}
	if _, err := complete(t, c, "key", id, list); err != nil {
		t.Fatal(err)
	}
	if _, body := sdkGet(t, c, "key"); string(body) != strings.Repeat("x", minPart)+"last" {
		t.Errorf("the object has %d bytes", len(body))
	}
}

func TestAllPartsCanBeCompletedUnlisted(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	id, _ := begin(t, c, "key", random(minPart), []byte("end"))
	_, err := c.CompleteMultipartUpload(t.Context(), &osssdk.CompleteMultipartUploadRequest{
		Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), UploadId: &id, CompleteAll: osssdk.Ptr("yes"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, body := sdkGet(t, c, "key"); !bytes.Equal(body, append(random(minPart), "end"...)) {
		t.Errorf("the object has %d bytes", len(body))
	}
}

func TestVendorsClientListsParts(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	const key = "a b/ü"
	id, list := begin(t, c, key, []byte("1"), []byte("22"), []byte("333"))
	var got []osssdk.Part
	for pages := c.NewListPartsPaginator(&osssdk.ListPartsRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr(key), UploadId: &id, MaxParts: 2}); pages.HasNext(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if *page.Key != key || len(page.Parts) > 2 {
			t.Errorf("a page of %q with %d parts", *page.Key, len(page.Parts))
		}
		got = append(got, page.Parts...)
	}
	if len(got) != 3 {
		t.Fatalf("listed %d parts", len(got))
	}
	for i, p := range got {
		if *p.ETag != *list[i].ETag || p.Size != int64(i+1) || *p.HashCRC64 != ecma([]byte(strings.Repeat(string(rune('1'+i)), i+1))) {
			t.Errorf("part %d: %v", i+1, p)
		}
	}
	if _, err := c.AbortMultipartUpload(t.Context(), &osssdk.AbortMultipartUploadRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr(key), UploadId: &id}); err != nil {
		t.Fatal(err)
	}
	_, err := c.ListParts(t.Context(), &osssdk.ListPartsRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr(key), UploadId: &id})
	if code(err) != "NoSuchUpload" {
		t.Errorf("after the end: %v", err)
	}
}

func TestVendorsClientListsUploads(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	for _, key := range []string{"b/2", "a", "b/1", "b/1", "c ü"} {
		begin(t, c, key)
	}
	list := func(r *osssdk.ListMultipartUploadsRequest) (keys []string) {
		r.Bucket = osssdk.Ptr(bucketA)
		for pages := c.NewListMultipartUploadsPaginator(r); pages.HasNext(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Uploads {
				keys = append(keys, *u.Key)
			}
		}
		return keys
	}
	for name, c := range map[string]struct {
		request osssdk.ListMultipartUploadsRequest
		want    []string
	}{
		"all":          {osssdk.ListMultipartUploadsRequest{}, []string{"a", "b/1", "b/1", "b/2", "c ü"}},
		"pages of one": {osssdk.ListMultipartUploadsRequest{MaxUploads: 1}, []string{"a", "b/1", "b/1", "b/2", "c ü"}},
		"a prefix":     {osssdk.ListMultipartUploadsRequest{Prefix: osssdk.Ptr("b/")}, []string{"b/1", "b/1", "b/2"}},
	} {
		if diff := cmp.Diff(c.want, list(&c.request)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestVendorsClientCopies(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk()
	const key = "a b/ü+%2F"
	put := sdkPut(t, c, &osssdk.PutObjectRequest{Key: osssdk.Ptr(key), ContentType: osssdk.Ptr("text/x-y"), Metadata: map[string]string{"a": "1"}, Tagging: osssdk.Ptr("t=1"), Acl: osssdk.ObjectACLPublicRead, ServerSideEncryption: osssdk.Ptr("AES256")}, []byte("body"))
	copied, err := c.CopyObject(t.Context(), &osssdk.CopyObjectRequest{Bucket: osssdk.Ptr(bucketB), Key: osssdk.Ptr("to"), SourceBucket: osssdk.Ptr(bucketA), SourceKey: osssdk.Ptr(key)})
	if err != nil || *copied.ETag != *put.ETag || *copied.HashCRC64 != *put.HashCRC64 {
		t.Fatalf("copy: %v %v", copied, err)
	}
	head := func(bucket, key string) *osssdk.HeadObjectResult {
		result, err := c.HeadObject(t.Context(), &osssdk.HeadObjectRequest{Bucket: &bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	if acl, err := c.GetObjectAcl(t.Context(), &osssdk.GetObjectAclRequest{Bucket: osssdk.Ptr(bucketB), Key: osssdk.Ptr("to")}); err != nil || *acl.ACL != "default" {
		t.Errorf("the copy's ACL, which is not inherited: %v %v", acl, err)
	}
	if h := head(bucketB, "to"); h.ServerSideEncryption != nil || *h.ContentType != "text/x-y" || h.Metadata["a"] != "1" || h.TaggingCount != 1 {
		t.Errorf("the copy: %v", h.Headers)
	}
	_, err = c.CopyObject(t.Context(), &osssdk.CopyObjectRequest{
		Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("to"), SourceKey: osssdk.Ptr(key), MetadataDirective: osssdk.Ptr("REPLACE"), TaggingDirective: osssdk.Ptr("Replace"),
		ContentType: osssdk.Ptr("x/new"), Metadata: map[string]string{"b": "2"}, StorageClass: osssdk.StorageClassIA,
	})
	if err != nil {
		t.Fatal(err)
	}
	if h := head(bucketA, "to"); *h.ContentType != "x/new" || len(h.Metadata) != 1 || h.Metadata["b"] != "2" || h.TaggingCount != 0 || *h.StorageClass != "IA" {
		t.Errorf("the changed copy: %v", h.Headers)
	}
	_, err = c.CopyObject(t.Context(), &osssdk.CopyObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("x"), SourceKey: osssdk.Ptr(key), IfMatch: osssdk.Ptr("other")})
	if code(err) != "PreconditionFailed" {
		t.Errorf("with another ETag: %v", err)
	}
	_, err = c.CopyObject(t.Context(), &osssdk.CopyObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("x"), SourceKey: osssdk.Ptr("none")})
	if code(err) != "NoSuchKey" {
		t.Errorf("of nothing: %v", err)
	}
}

func TestPartsCanBeCopiedByRange(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: osssdk.Ptr("source")}, []byte("0123456789"))
	for header, want := range map[string]string{"bytes=2-4": "234", "": "0123456789", "bytes=2-10": "0123456789"} {
		id, _ := begin(t, c, "key")
		r := &osssdk.UploadPartCopyRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), SourceKey: osssdk.Ptr("source"), UploadId: &id, PartNumber: 1}
		if header != "" {
			r.Range = &header
		}
		part, err := c.UploadPartCopy(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := complete(t, c, "key", id, []osssdk.UploadPart{{PartNumber: 1, ETag: part.ETag}}); err != nil {
			t.Fatal(err)
		}
		if _, body := sdkGet(t, c, "key"); string(body) != want {
			t.Errorf("range %q copied %q, want %q", header, body, want)
		}
	}
}

func TestVendorsClientListsObjects(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk()
	var all []string
	for i := range 250 {
		key := "many/" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + " ü"
		all = append(all, key)
		sdkPut(t, c, &osssdk.PutObjectRequest{Key: &key}, nil)
	}
	for _, key := range []string{"a", "a/b", "a/c/d", "\x01"} {
		sdkPut(t, c, &osssdk.PutObjectRequest{Key: &key}, []byte(key))
	}
	type lister func(prefix, delimiter, after string, limit int32) []string
	v1 := func(prefix, delimiter, after string, limit int32) (keys []string) {
		for pages := c.NewListObjectsPaginator(&osssdk.ListObjectsRequest{Bucket: osssdk.Ptr(bucketA), Prefix: &prefix, Delimiter: &delimiter, Marker: &after, MaxKeys: limit}); pages.HasNext(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, names(page.Contents, page.CommonPrefixes)...)
		}
		return keys
	}
	v2 := func(prefix, delimiter, after string, limit int32) (keys []string) {
		for pages := c.NewListObjectsV2Paginator(&osssdk.ListObjectsV2Request{Bucket: osssdk.Ptr(bucketA), Prefix: &prefix, Delimiter: &delimiter, StartAfter: &after, MaxKeys: limit}); pages.HasNext(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, names(page.Contents, page.CommonPrefixes)...)
		}
		return keys
	}
	for version, list := range map[string]lister{"v1": v1, "v2": v2} {
		for name, c := range map[string]struct {
			got, want []string
		}{
			"default pages":     {list("many/", "", "", 0), all},
			"pages of 7":        {list("many/", "", "", 7), all},
			"after":             {list("many/", "", all[200], 1000), all[201:]},
			"groups":            {list("", "/", "", 0), []string{"\x01", "a", "[a/]", "[many/]"}},
			"groups one by one": {list("", "/", "", 1), []string{"\x01", "a", "[a/]", "[many/]"}},
			"inside":            {list("a/", "/", "", 0), []string{"a/b", "[a/c/]"}},
			"nothing":           {list("zzz", "", "", 0), nil},
		} {
			if diff := cmp.Diff(c.want, c.got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", version, name, diff)
			}
		}
	}
	page, err := c.ListObjectsV2(t.Context(), &osssdk.ListObjectsV2Request{Bucket: osssdk.Ptr(bucketA), FetchOwner: true})
	if err != nil || len(page.Contents) != 100 || !page.IsTruncated || page.KeyCount != 100 || page.Contents[0].Owner == nil {
		t.Errorf("a page by default: %d keys, %v", len(page.Contents), err)
	}
}

func names(objects []osssdk.ObjectProperties, groups []osssdk.CommonPrefix) (names []string) {
	for _, o := range objects {
		names = append(names, *o.Key)
	}
	for _, g := range groups {
		names = append(names, "["+*g.Prefix+"]")
	}
	return names
}

func TestVendorsClientAsksAboutBuckets(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	info, err := c.GetBucketInfo(t.Context(), &osssdk.GetBucketInfoRequest{Bucket: osssdk.Ptr(bucketA)})
	if err != nil || *info.BucketInfo.Name != bucketA || *info.BucketInfo.Location != "oss-"+region || *info.BucketInfo.StorageClass != "Standard" || *info.BucketInfo.ACL != "private" {
		t.Errorf("GetBucketInfo: %v %v", info, err)
	}
	location, err := c.GetBucketLocation(t.Context(), &osssdk.GetBucketLocationRequest{Bucket: osssdk.Ptr(bucketA)})
	if err != nil || *location.LocationConstraint != "oss-"+region {
		t.Errorf("GetBucketLocation: %v %v", location, err)
	}
	acl, err := c.GetBucketAcl(t.Context(), &osssdk.GetBucketAclRequest{Bucket: osssdk.Ptr(bucketA)})
	if err != nil || *acl.ACL != "private" {
		t.Errorf("GetBucketACL: %v %v", acl, err)
	}
	buckets, err := c.ListBuckets(t.Context(), &osssdk.ListBucketsRequest{})
	if err != nil || len(buckets.Buckets) != 2 || *buckets.Buckets[0].Name != bucketA || *buckets.Buckets[0].Region != region {
		t.Errorf("ListBuckets: %v %v", buckets, err)
	}
	if _, err := c.GetBucketInfo(t.Context(), &osssdk.GetBucketInfoRequest{Bucket: osssdk.Ptr("no-such-bucket")}); code(err) != "NoSuchBucket" {
		t.Errorf("of no bucket: %v", err)
	}
}

func TestVendorsClientByPath(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk(func(config *osssdk.Config) { config.WithEndpoint("http://" + e.address).WithUsePathStyle(true) })
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: osssdk.Ptr("a/b c")}, []byte("body"))
	result, body := sdkGet(t, c, "a/b c")
	if string(body) != "body" || result.StatusCode != http.StatusOK || result.Headers.Get("x-oss-force-download") != "" {
		t.Errorf("%q %v", body, result.Headers)
	}
	reader, err := c.OpenFile(t.Context(), bucketA, "a/b c")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if all, err := io.ReadAll(reader); err != nil || string(all) != "body" {
		t.Errorf("as a file: %q %v", all, err)
	}
}
