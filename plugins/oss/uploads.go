package main

import (
	"context"
	"strconv"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// CreateUpload begins an upload.
func (b *bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	upload, err := b.createUpload(ctx, request)
	return upload, b.reporter.Fail("CreateUpload", request.Key, err)
}

func (b *bucket) createUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	fields, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Upload{}, err
	}
	site, err := b.site(ctx)
	if err != nil {
		return driver.Upload{}, err
	}
	input := &oss.InitiateMultipartUploadRequest{Bucket: &site.bucket, Key: &request.Key, DisableAutoDetectMimeType: true}
	input.Headers = map[string]string{}
	for _, field := range fields {
		input.Headers[field.Name] = field.Value
	}
	reply, err := site.sdk.InitiateMultipartUpload(ctx, input)
	if err != nil {
		return driver.Upload{}, err
	}
	if oss.ToString(reply.UploadId) == "" {
		return driver.Upload{}, foreign("the begin of an upload", reply.ResultCommon)
	}
	if err := (control.Asked{Key: request.Key}).Echo(nil, reply.Key, nil); err != nil {
		return driver.Upload{}, dialect.Foreign("the begin of an upload", answerOf(reply.ResultCommon), err)
	}
	return driver.Upload{UploadRef: driver.UploadRef{Key: request.Key, ID: *reply.UploadId}}, nil
}

// ListParts returns one page of what OSS holds of an upload.
func (b *bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	page, err := b.listParts(ctx, request)
	return page, b.reporter.Fail("ListParts", request.Upload.Key, err)
}

func (b *bucket) listParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	site, err := b.siteOf(ctx, request.Upload.Key)
	if err != nil {
		return driver.PartsPage{}, err
	}
	after, err := strconv.ParseUint("0"+request.Token, 10, 31)
	if err != nil {
		return driver.PartsPage{}, control.Invalid("the page token is not one of this driver's")
	}
	reply, err := site.sdk.ListParts(ctx, &oss.ListPartsRequest{
		Bucket: &site.bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID, PartNumberMarker: int32(after),
	})
	if err != nil {
		return driver.PartsPage{}, err
	}
	if reply.UploadId == nil {
		return driver.PartsPage{}, foreign("a list of parts", reply.ResultCommon)
	}
	page := driver.PartsPage{Parts: make([]driver.Part, len(reply.Parts))}
	for i, part := range reply.Parts {
		page.Parts[i] = driver.Part{
			Number: int(part.PartNumber), Size: part.Size, ETag: control.Unquote(oss.ToString(part.ETag)), Checksums: checksums(part.HashCRC64),
		}
	}
	if reply.IsTruncated && reply.NextPartNumberMarker > 0 {
		page.Next = strconv.Itoa(int(reply.NextPartNumberMarker))
	}
	listed := control.Listed{
		Bucket: reply.Bucket, Key: reply.Key, Upload: reply.UploadId, Truncated: written(reply.IsTruncated), Next: page.Next,
		Begins: []string{strconv.Itoa(int(reply.PartNumberMarker))},
	}
	asked := control.Asked{Bucket: site.bucket, Key: request.Upload.Key, Upload: request.Upload.ID, Token: request.Token}
	if err := listed.Check(asked, len(reply.Parts)); err != nil {
		return driver.PartsPage{}, dialect.Foreign("a list of parts", answerOf(reply.ResultCommon), err)
	}
	return page, nil
}

// CompleteUpload joins the parts.
func (b *bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	object, err := b.completeUpload(ctx, request)
	return object, b.reporter.Fail("CompleteUpload", request.Upload.Key, err)
}

func (b *bucket) completeUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	site, err := b.siteOf(ctx, request.Upload.Key)
	if err != nil {
		return driver.Object{}, err
	}
	parts := make([]oss.UploadPart, len(request.Parts))
	for i, part := range request.Parts {
		parts[i] = oss.UploadPart{PartNumber: int32(part.Number), ETag: oss.Ptr(quote(part.ETag))}
	}
	reply, err := site.sdk.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{
		Bucket: &site.bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID,
		CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts},
	})
	if err != nil {
		return driver.Object{}, err
	}
	if oss.ToString(reply.ETag) == "" {
		return driver.Object{}, &driver.Error{Kind: driver.KindUnavailable, Message: "the answer broke off before the result: look the object up"}
	}
	if err := (control.Asked{Bucket: site.bucket, Key: request.Upload.Key}).Echo(reply.Bucket, reply.Key, nil); err != nil {
		return driver.Object{}, dialect.Lost("the completion of an upload", answerOf(reply.ResultCommon), err)
	}
	return driver.Object{
		Key: request.Upload.Key, Size: request.Size, ETag: control.Unquote(*reply.ETag), VersionID: oss.ToString(reply.VersionId),
		Checksums: checksums(reply.HashCRC64),
	}, nil
}

// AbortUpload discards an upload.
func (b *bucket) AbortUpload(ctx context.Context, request driver.UploadRef) error {
	site, err := b.siteOf(ctx, request.Key)
	if err == nil {
		var reply *oss.AbortMultipartUploadResult
		if reply, err = site.sdk.AbortMultipartUpload(ctx, &oss.AbortMultipartUploadRequest{Bucket: &site.bucket, Key: &request.Key, UploadId: &request.ID}); err == nil {
			err = done("the end of an upload", reply.ResultCommon)
		}
	}
	return b.reporter.Fail("AbortUpload", request.Key, b.unless("NoSuchUpload", err))
}

// ListUploads returns one page of open uploads.
func (b *bucket) ListUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	page, err := b.listUploads(ctx, request)
	return page, b.reporter.Fail("ListUploads", "", err)
}

func (b *bucket) listUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	site, err := b.site(ctx)
	if err != nil {
		return driver.UploadsPage{}, err
	}
	key, id, err := control.SplitToken(request.Token)
	if err != nil {
		return driver.UploadsPage{}, err
	}
	reply, err := site.sdk.ListMultipartUploads(ctx, &oss.ListMultipartUploadsRequest{
		Bucket: &site.bucket, Prefix: optional(request.Prefix), KeyMarker: optional(key), UploadIdMarker: optional(id),
		MaxUploads: int32(b.session.Limits.MaxKeys),
	})
	if err != nil {
		return driver.UploadsPage{}, err
	}
	if reply.Bucket == nil {
		return driver.UploadsPage{}, foreign("a list of uploads", reply.ResultCommon)
	}
	page := driver.UploadsPage{Uploads: make([]driver.Upload, len(reply.Uploads))}
	for i, open := range reply.Uploads {
		ref := driver.UploadRef{Key: oss.ToString(open.Key), ID: oss.ToString(open.UploadId)}
		page.Uploads[i] = driver.Upload{UploadRef: ref, Initiated: utc(open.Initiated)}
	}
	if key, id := oss.ToString(reply.NextKeyMarker), oss.ToString(reply.NextUploadIdMarker); reply.IsTruncated && key+id != "" {
		page.Next = control.JoinToken(key, id)
	}
	listed := control.Listed{
		Bucket: reply.Bucket, Prefix: reply.Prefix, Truncated: written(reply.IsTruncated), Next: page.Next,
		Delimiter: oss.ToString(reply.Delimiter), Begins: []string{oss.ToString(reply.KeyMarker)},
	}
	if err := listed.Check(control.Asked{Bucket: site.bucket, Prefix: request.Prefix, After: key}, len(page.Uploads)); err != nil {
		return driver.UploadsPage{}, dialect.Foreign("a list of uploads", answerOf(reply.ResultCommon), err)
	}
	return page, nil
}

func quote(etag string) string { return `"` + etag + `"` }
