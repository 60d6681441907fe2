package main

import (
	"context"
	"fmt"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// probeKey is asked for to learn whether a source may be read; it need not exist.
const probeKey = "dth-may-read"

// ReachCopy asks for the source's region, unless its location names it, and for one
// object of it. OSS copies inside one region only. Source:
// https://www.alibabacloud.com/help/en/oss/developer-reference/copyobject.
func (b *bucket) ReachCopy(ctx context.Context, source driver.CopySource) error {
	return b.reporter.Fail("ReachCopy", "", b.reachCopy(ctx, source))
}

func (b *bucket) reachCopy(ctx context.Context, source driver.CopySource) error {
	site, err := b.site(ctx)
	if err != nil {
		return err
	}
	values, err := control.ReadOptions(options(), source.Options)
	if err != nil {
		return err
	}
	where, err := readPlace(source.Bucket, values)
	if err != nil {
		return err
	}
	if where.store() != site.store() {
		return unsupported("source and destination are not in the same OSS, but in %s and %s", where.store(), site.store())
	}
	if where, err = b.discover(ctx, where); err != nil {
		return err
	}
	if where.region != site.region {
		return unsupported("OSS copies inside one region: the source is in %s, the destination in %s", where.region, site.region)
	}
	key := probeKey
	_, err = b.at(where).sdk.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: &where.bucket, Key: &key})
	return b.unless("NoSuchKey", err)
}

func unsupported(format string, arguments ...any) error {
	return &driver.Error{Kind: driver.KindUnsupported, Message: fmt.Sprintf(format, arguments...)}
}

// CopyObject copies one object with its attributes and tags, which is OSS's default.
func (b *bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	object, err := b.copyObject(ctx, request)
	return object, b.reporter.Fail("CopyObject", request.Key, err)
}

func (b *bucket) copyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	if _, err := b.mayWrite(request.Key, driver.Attributes{}); err != nil {
		return driver.Object{}, err
	}
	site, err := b.site(ctx)
	if err != nil {
		return driver.Object{}, err
	}
	reply, err := site.sdk.CopyObject(ctx, &oss.CopyObjectRequest{
		Bucket: &site.bucket, Key: &request.Key, StorageClass: oss.StorageClassType(request.StorageClass),
		SourceBucket: &request.Source.Bucket, SourceKey: &request.Object.Key, SourceVersionId: optional(request.Object.VersionID),
		IfMatch: ifMatch(request.Object), RequestCommon: copying(request.Source, b.wishes),
	})
	if err != nil {
		return driver.Object{}, err
	}
	if oss.ToString(reply.ETag) == "" {
		return driver.Object{}, foreign("a copy", reply.ResultCommon)
	}
	return driver.Object{
		Key: request.Key, Size: request.Object.Size, ETag: control.Unquote(*reply.ETag), Modified: utc(reply.LastModified),
		VersionID: oss.ToString(reply.VersionId), StorageClass: storageClass(request.StorageClass), Checksums: checksums(reply.HashCRC64),
	}, nil
}

// CopyPart makes one part of a range of the source.
func (b *bucket) CopyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	part, err := b.copyPart(ctx, request)
	return part, b.reporter.Fail("CopyPart", request.Upload.Key, err)
}

func (b *bucket) copyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	site, err := b.siteOf(ctx, request.Upload.Key)
	if err != nil {
		return driver.Part{}, err
	}
	reply, err := site.sdk.UploadPartCopy(ctx, &oss.UploadPartCopyRequest{
		Bucket: &site.bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID, PartNumber: int32(request.Number),
		SourceBucket: &request.Source.Bucket, SourceKey: &request.Object.Key, SourceVersionId: optional(request.Object.VersionID),
		Range:   oss.Ptr(fmt.Sprintf("bytes=%d-%d", request.Offset, request.Offset+request.Size-1)),
		IfMatch: ifMatch(request.Object), RequestCommon: copying(request.Source, nil),
	})
	if err != nil {
		return driver.Part{}, err
	}
	if oss.ToString(reply.ETag) == "" {
		return driver.Part{}, foreign("a copied part", reply.ResultCommon)
	}
	return driver.Part{
		Number: request.Number, Size: request.Size, ETag: control.Unquote(*reply.ETag), Checksums: checksums(optional(reply.Headers.Get(crcHeader))),
	}, nil
}

// ifMatch binds a copy to the version that was asked for.
func ifMatch(source driver.Object) *string {
	if source.ETag == "" {
		return nil
	}
	return oss.Ptr(quote(source.ETag))
}
