package main

import (
	"bytes"
	"errors"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	osssdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/google/go-cmp/cmp"
)

// keys are names that clients and servers like to get wrong.
var keys = []string{
	"plain", "a b", "a+b", "a%2Fb", "a//b", "a/./b", "a/../b", "..", "é", "e\u0301", "日本", "a?b#c&d=e", "q'\"<>&", "tail/", " lead", "tail ",
	"tab\tnew\nline", "\x01\x1f", "~-_.", "\\in\\side"[1:], strings.Repeat("k", maxKey),
}

func ecma(body []byte) string {
	return strconv.FormatUint(crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)), 10)
}

// random returns bytes that are the same for the same length.
func random(n int) []byte {
	body := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(body) // never fails
	return body
}

func sdkPut(t *testing.T, c *osssdk.Client, r *osssdk.PutObjectRequest, body []byte) *osssdk.PutObjectResult {
	t.Helper()
	r.Bucket, r.Body = osssdk.Ptr(bucketA), bytes.NewReader(body)
	result, err := c.PutObject(t.Context(), r)
	if err != nil {
		t.Fatalf("put %q: %v", *r.Key, err)
	}
	return result
}

func sdkGet(t *testing.T, c *osssdk.Client, key string) (*osssdk.GetObjectResult, []byte) {
	t.Helper()
	result, err := c.GetObject(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: &key})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer result.Body.Close()
	body, err := io.ReadAll(result.Body)
	if err != nil {
		t.Fatal(err)
	}
	return result, body
}

// code returns the vendor's error code, "" if there was no error.
func code(err error) string {
	var refused *osssdk.ServiceError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Code
	default:
		return err.Error()
	}
}

func TestVendorsClientKeepsKeysAndBodies(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk()
	for _, key := range keys {
		result := sdkPut(t, c, &osssdk.PutObjectRequest{Key: &key}, []byte("body of "+key))
		if *result.HashCRC64 != ecma([]byte("body of "+key)) {
			t.Errorf("CRC-64 of %q is %s", key, *result.HashCRC64)
		}
	}
	for _, key := range keys {
		if _, body := sdkGet(t, c, key); string(body) != "body of "+key {
			t.Errorf("%q holds %q", key, body)
		}
	}
	presigned, err := c.Presign(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("a+b")}, osssdk.PresignExpires(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if response, body := e.send(bare(t, "GET", presigned.URL, "")); body != "body of a+b" {
		t.Errorf("by a signed URL: %s %s", response.Status, body)
	}
}

func TestVendorsClientKeepsMetadata(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	r := &osssdk.PutObjectRequest{
		Key: osssdk.Ptr("key"), ContentType: osssdk.Ptr("text/x-y"), CacheControl: osssdk.Ptr("no-cache"), ContentEncoding: osssdk.Ptr("utf-8"),
		ContentDisposition: osssdk.Ptr("inline"), Expires: osssdk.Ptr("Fri, 28 Feb 2012 05:38:42 GMT"), StorageClass: osssdk.StorageClassIA,
		Metadata: map[string]string{"a-1": "Some Value", "b": ""}, Tagging: osssdk.Ptr("t=1&u=2"), Acl: osssdk.ObjectACLPrivate,
	}
	put := sdkPut(t, c, r, []byte("body"))
	head, err := c.HeadObject(t.Context(), &osssdk.HeadObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"type": "text/x-y", "cache": "no-cache", "encoding": "utf-8", "disposition": "inline", "expires": "Fri, 28 Feb 2012 05:38:42 GMT",
		"class": "IA", "a-1": "Some Value", "etag": `"841A2D689AD86BD1611447453C22C6FC"`, "crc": ecma([]byte("body")), "kind": "Normal", "tags": "2", "length": "4",
	}
	got := map[string]string{
		"type": *head.ContentType, "cache": *head.CacheControl, "encoding": *head.ContentEncoding, "disposition": *head.ContentDisposition,
		"expires": *head.Expires, "class": *head.StorageClass, "a-1": head.Metadata["a-1"], "etag": *head.ETag, "crc": *head.HashCRC64,
		"kind": *head.ObjectType, "tags": strconv.Itoa(int(head.TaggingCount)), "length": strconv.FormatInt(head.ContentLength, 10),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("HEAD (-want +got):\n%s", diff)
	}
	meta, err := c.GetObjectMeta(t.Context(), &osssdk.GetObjectMetaRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")})
	if err != nil || *meta.ETag != *put.ETag || meta.ContentLength != 4 || *meta.HashCRC64 != *put.HashCRC64 || meta.LastModified.IsZero() {
		t.Errorf("GetObjectMeta: %v %v", meta, err)
	}
	acl, err := c.GetObjectAcl(t.Context(), &osssdk.GetObjectAclRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")})
	if err != nil || *acl.ACL != "private" {
		t.Errorf("GetObjectACL: %v %v", acl, err)
	}
}

func TestVendorsClientReadsRanges(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	body := random(300_000)
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: osssdk.Ptr("key")}, body)
	for header, want := range map[string][]byte{"bytes=0-0": body[:1], "bytes=100000-200000": body[100000:200001], "bytes=299999-": body[299999:], "bytes=-5": body[299995:]} {
		result, err := c.GetObject(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), Range: osssdk.Ptr(header), RangeBehavior: osssdk.Ptr("standard")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(result.Body)
		if err != nil || !bytes.Equal(got, want) || result.StatusCode != http.StatusPartialContent || *result.HashCRC64 != ecma(body) {
			t.Errorf("%s: %d bytes, %d, %v, CRC-64 %s", header, len(got), result.StatusCode, err, *result.HashCRC64)
		}
	}
	path := filepath.Join(t.TempDir(), "copy")
	downloader := osssdk.NewDownloader(c, func(o *osssdk.DownloaderOptions) { o.PartSize, o.ParallelNum = 100_000, 2 })
	if _, err := downloader.DownloadFile(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")}, path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, body) {
		t.Errorf("the downloader got %d bytes, %v", len(got), err)
	}
}

func TestVendorsClientDeletes(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	request := &osssdk.DeleteMultipleObjectsRequest{Bucket: osssdk.Ptr(bucketA)}
	for _, key := range keys {
		sdkPut(t, c, &osssdk.PutObjectRequest{Key: &key}, nil)
		request.Objects = append(request.Objects, osssdk.DeleteObject{Key: &key})
	}
	result, err := c.DeleteMultipleObjects(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range result.DeletedObjects {
		got = append(got, *o.Key)
	}
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	for _, key := range keys {
		if exists, err := c.IsObjectExist(t.Context(), bucketA, key); err != nil || exists {
			t.Errorf("%q is there still: %v", key, err)
		}
	}
	if _, err := c.DeleteObject(t.Context(), &osssdk.DeleteObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("never was")}); err != nil {
		t.Errorf("delete nothing: %v", err)
	}
}

func TestVendorsClientTags(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	key := osssdk.Ptr("key")
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: key}, nil)
	set := &osssdk.TagSet{Tags: []osssdk.Tag{{Key: osssdk.Ptr("a"), Value: osssdk.Ptr("1")}, {Key: osssdk.Ptr("b c"), Value: osssdk.Ptr("+:/")}}}
	if _, err := c.PutObjectTagging(t.Context(), &osssdk.PutObjectTaggingRequest{Bucket: osssdk.Ptr(bucketA), Key: key, Tagging: &osssdk.Tagging{TagSet: set}}); err != nil {
		t.Fatal(err)
	}
	tags := func() []osssdk.Tag {
		result, err := c.GetObjectTagging(t.Context(), &osssdk.GetObjectTaggingRequest{Bucket: osssdk.Ptr(bucketA), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return result.Tags
	}
	if diff := cmp.Diff(set.Tags, tags()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if _, err := c.DeleteObjectTagging(t.Context(), &osssdk.DeleteObjectTaggingRequest{Bucket: osssdk.Ptr(bucketA), Key: key}); err != nil || len(tags()) != 0 {
		t.Errorf("after deleting: %v %v", tags(), err)
	}
}

func TestVendorsClientAppends(t *testing.T) {
	t.Parallel()
	c := start(t).sdk()
	whole := []byte("onetwo")
	for i, position := range []int64{0, 3} {
		result, err := c.AppendObject(t.Context(), &osssdk.AppendObjectRequest{
			Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), Position: &position, Body: bytes.NewReader(whole[3*i : 3*i+3]),
		})
		if err != nil || result.NextPosition != position+3 || *result.HashCRC64 != ecma(whole[:3*i+3]) {
			t.Fatalf("append at %d: %v %v", position, result, err)
		}
	}
	if result, body := sdkGet(t, c, "key"); !bytes.Equal(body, whole) || *result.ObjectType != "Appendable" || *result.NextAppendPosition != "6" {
		t.Errorf("appended %q: %v", body, result.Headers)
	}
	_, err := c.AppendObject(t.Context(), &osssdk.AppendObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key"), Position: osssdk.Ptr(int64(5))})
	if code(err) != "PositionNotEqualToLength" {
		t.Errorf("append elsewhere: %v", err)
	}
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: osssdk.Ptr("put")}, nil)
	_, err = c.AppendObject(t.Context(), &osssdk.AppendObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("put"), Position: osssdk.Ptr(int64(0))})
	if code(err) != "ObjectNotAppendable" {
		t.Errorf("append to an object that was put: %v", err)
	}
}

func TestVendorsClientRestores(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk()
	key := osssdk.Ptr("key")
	sdkPut(t, c, &osssdk.PutObjectRequest{Key: key, StorageClass: osssdk.StorageClassColdArchive}, []byte("body"))
	get := func() string {
		_, err := c.GetObject(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: key})
		return code(err)
	}
	restore := func() (int, string) {
		result, err := c.RestoreObject(t.Context(), &osssdk.RestoreObjectRequest{
			Bucket: osssdk.Ptr(bucketA), Key: key, RestoreRequest: &osssdk.RestoreRequest{Days: 2, JobParameters: &osssdk.JobParameters{Tier: osssdk.Ptr("Expedited")}},
		})
		if err != nil {
			return 0, code(err)
		}
		return result.StatusCode, ""
	}
	if got := get(); got != "InvalidObjectState" {
		t.Errorf("at first GET says %q", got)
	}
	if status, err := restore(); status != http.StatusAccepted {
		t.Errorf("the first restore: %d %s", status, err)
	}
	if got := get(); got != "InvalidObjectState" {
		t.Errorf("under way GET says %q", got)
	}
	if _, err := restore(); err != "RestoreAlreadyInProgress" {
		t.Errorf("the second restore: %s", err)
	}
	e.ahead(time.Hour + time.Minute) // the client follows the server's clock
	clock := e.sdk(func(config *osssdk.Config) { config.WithRetryMaxAttempts(2) })
	head, err := clock.HeadObject(t.Context(), &osssdk.HeadObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: key})
	if err != nil || !strings.HasPrefix(*head.Restore, `ongoing-request="false", expiry-date="`) {
		t.Fatalf("afterwards: %v %v", head, err)
	}
	c = clock
	if got := get(); got != "" {
		t.Errorf("afterwards GET says %q", got)
	}
	if status, err := restore(); status != http.StatusOK {
		t.Errorf("the third restore: %d %s", status, err)
	}
}
