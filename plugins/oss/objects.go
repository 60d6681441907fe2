package main

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// List returns one page.
func (b *bucket) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := b.list(ctx, request)
	return page, b.reporter.Fail("List", "", err)
}

func (b *bucket) list(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	site, err := b.site(ctx)
	if err != nil {
		return driver.ListPage{}, err
	}
	input := &oss.ListObjectsV2Request{
		Bucket: &site.bucket, Prefix: optional(request.Prefix), ContinuationToken: optional(request.Token), MaxKeys: int32(request.MaxKeys),
	}
	if request.Token == "" {
		input.StartAfter = optional(request.StartAfter)
	}
	if request.MaxKeys == 0 {
		input.MaxKeys = int32(b.session.Limits.MaxKeys) // OSS's default is 100
	}
	reply, err := site.sdk.ListObjectsV2(ctx, input)
	if err != nil {
		return driver.ListPage{}, err
	}
	if reply.Name == nil {
		return driver.ListPage{}, foreign("a listing", reply.ResultCommon)
	}
	page := driver.ListPage{Objects: make([]driver.Object, len(reply.Contents))}
	for i, listed := range reply.Contents {
		page.Objects[i] = driver.Object{
			Key: oss.ToString(listed.Key), Size: listed.Size, ETag: control.Unquote(oss.ToString(listed.ETag)),
			Modified: utc(listed.LastModified), StorageClass: storageClass(oss.ToString(listed.StorageClass)),
		}
	}
	if reply.IsTruncated {
		page.Next = oss.ToString(reply.NextContinuationToken)
	}
	return page, nil
}

// Stat asks for one object by HEAD.
func (b *bucket) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := b.stat(ctx, request)
	return object, b.reporter.Fail("Stat", request.Key, err)
}

func (b *bucket) stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	site, err := b.siteOf(ctx, request.Key)
	if err != nil {
		return driver.Object{}, err
	}
	reply, err := site.sdk.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: &site.bucket, Key: &request.Key, VersionId: optional(request.VersionID)})
	if err != nil {
		return driver.Object{}, err
	}
	if reply.ETag == nil {
		return driver.Object{}, foreign("a HEAD", reply.ResultCommon)
	}
	object := attributeHeaders().Object(request.Key, reply.Headers)
	object.VersionID, object.StorageClass = reply.Headers.Get(versionHeader), storageClass(reply.Headers.Get(classHeader))
	object.Checksums = checksums(reply.HashCRC64)
	if reply.Headers.Get(forcedHeader) == "true" && object.Attributes.ContentDisposition == "attachment" {
		object.Attributes.ContentDisposition = "" // made up, see driver.Reply.Overridden
	}
	return object, nil
}

// Delete removes the current version of the key.
func (b *bucket) Delete(ctx context.Context, request driver.DeleteRequest) error {
	site, err := b.siteOf(ctx, request.Key)
	if err == nil {
		_, err = site.sdk.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: &site.bucket, Key: &request.Key})
	}
	return b.reporter.Fail("Delete", request.Key, b.unless("NoSuchKey", err))
}

// checksums returns the CRC that OSS writes as a decimal number; it may be absent.
func checksums(crc *string) []driver.Checksum {
	value, err := strconv.ParseUint(oss.ToString(crc), 10, 64)
	if err != nil {
		return nil
	}
	return []driver.Checksum{{Algorithm: driver.AlgorithmCRC64ECMA, Value: string(binary.BigEndian.AppendUint64(nil, value))}}
}

// storageClass drops the default class.
func storageClass(name string) string {
	if name == standardClass {
		return ""
	}
	return name
}

// optional turns an empty text into an absent one.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func utc(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}
