package s3driver

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// CreateUpload begins an upload.
func (b *Bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	upload, err := b.createUpload(ctx, request)
	return upload, b.reporter.Fail("CreateUpload", request.Key, err)
}

func (b *Bucket) createUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	header, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Upload{}, err
	}
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return driver.Upload{}, err
	}
	input := &s3.CreateMultipartUploadInput{Bucket: &b.config.Bucket, Key: &request.Key}
	if b.config.Profile.Checksums.UploadWhole {
		input.ChecksumAlgorithm, input.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
	}
	reply, err := place.sdk.CreateMultipartUpload(ctx, input, withHeader(header))
	if err != nil {
		return driver.Upload{}, b.reporter.Translate(err)
	}
	if aws.ToString(reply.UploadId) == "" {
		return driver.Upload{}, control.Invalid("the endpoint does not speak S3: it began an upload without an id")
	}
	if err := (control.Asked{Key: request.Key}).Echo(nil, reply.Key, nil); err != nil {
		return driver.Upload{}, b.dialect.Foreign("the begin of an upload", answerOf(reply.ResultMetadata), err)
	}
	upload := driver.Upload{UploadRef: driver.UploadRef{Key: request.Key, ID: *reply.UploadId}}
	if reply.AbortDate != nil {
		upload.Expires = reply.AbortDate.UTC()
	}
	return upload, nil
}

// withHeader sends attributes as they are: the SDK's own fields take no Expires
// that is not a date.
func withHeader(header []driver.Header) func(*s3.Options) {
	return func(o *s3.Options) {
		for _, field := range header {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(field.Name, field.Value))
		}
	}
}

// ListParts returns one page of what the store holds of an upload.
func (b *Bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	page, err := b.listParts(ctx, request)
	return page, b.reporter.Fail("ListParts", request.Upload.Key, err)
}

func (b *Bucket) listParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	place, _, err := b.prepare(ctx, request.Upload.Key)
	if err != nil {
		return driver.PartsPage{}, err
	}
	reply, err := place.sdk.ListParts(ctx, &s3.ListPartsInput{
		Bucket: &b.config.Bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID, PartNumberMarker: optional(request.Token),
	})
	if err != nil {
		return driver.PartsPage{}, b.reporter.Translate(err)
	}
	if aws.ToString(reply.UploadId) == "" && aws.ToString(reply.Bucket) == "" {
		return driver.PartsPage{}, control.Invalid("the endpoint does not speak S3: its list of parts names no upload")
	}
	page := driver.PartsPage{Parts: make([]driver.Part, len(reply.Parts))}
	listed := control.Listed{
		Bucket: reply.Bucket, Key: reply.Key, Upload: reply.UploadId, Truncated: written(reply.IsTruncated),
		Begins: []string{aws.ToString(reply.PartNumberMarker)},
	}
	if aws.ToBool(reply.IsTruncated) {
		page.Next = aws.ToString(reply.NextPartNumberMarker)
	}
	listed.Next = page.Next
	asked := control.Asked{Bucket: b.named(), Key: request.Upload.Key, Upload: request.Upload.ID, Token: request.Token}
	if err := listed.Check(asked, len(reply.Parts)); err != nil {
		return driver.PartsPage{}, b.dialect.Foreign("a list of parts", answerOf(reply.ResultMetadata), err)
	}
	for i, part := range reply.Parts {
		held := driver.Part{Number: int(aws.ToInt32(part.PartNumber)), Size: aws.ToInt64(part.Size), ETag: control.Unquote(aws.ToString(part.ETag))}
		held.Checksums = collect(part.ChecksumCRC64NVME, part.ChecksumCRC32C, part.ChecksumCRC32, part.ChecksumSHA256, part.ChecksumSHA1, false)
		page.Parts[i] = held
	}
	return page, nil
}

// collect gathers checksums in the order of the table checksums.
func collect(crc64nvme, crc32c, crc32, sha256, sha1 *string, composite bool) []driver.Checksum {
	var found []driver.Checksum
	for i, value := range []*string{crc64nvme, crc32c, crc32, sha256, sha1} {
		found = appendChecksum(found, checksums[i].algorithm, aws.ToString(value), composite)
	}
	return found
}

// CompleteUpload joins the parts. S3 may answer 200 and report the failure in
// the body; the SDK reads it.
func (b *Bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	object, err := b.completeUpload(ctx, request)
	return object, b.reporter.Fail("CompleteUpload", request.Upload.Key, err)
}

func (b *Bucket) completeUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	place, _, err := b.prepare(ctx, request.Upload.Key)
	if err != nil {
		return driver.Object{}, err
	}
	parts := make([]types.CompletedPart, len(request.Parts))
	for i, part := range request.Parts {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(int32(part.Number)), ETag: aws.String(`"` + part.ETag + `"`)}
		for _, sum := range part.Checksums {
			if sum.Algorithm == driver.AlgorithmCRC64NVME && b.config.Profile.Checksums.UploadWhole {
				parts[i].ChecksumCRC64NVME = aws.String(base64.StdEncoding.EncodeToString([]byte(sum.Value)))
			}
		}
	}
	input := &s3.CompleteMultipartUploadInput{
		Bucket: &b.config.Bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
	if request.Checksum.Algorithm == driver.AlgorithmCRC64NVME && b.config.Profile.Checksums.UploadWhole {
		input.ChecksumCRC64NVME = aws.String(base64.StdEncoding.EncodeToString([]byte(request.Checksum.Value)))
		input.ChecksumType = types.ChecksumTypeFullObject
	}
	reply, err := place.sdk.CompleteMultipartUpload(ctx, input)
	if err != nil {
		return driver.Object{}, b.reporter.Translate(err)
	}
	if aws.ToString(reply.ETag) == "" {
		return driver.Object{}, &driver.Error{Kind: driver.KindUnavailable, Message: "the answer broke off before the result: look the object up"}
	}
	if err := (control.Asked{Bucket: b.named(), Key: request.Upload.Key}).Echo(reply.Bucket, reply.Key, nil); err != nil {
		return driver.Object{}, b.dialect.Lost("the completion of an upload", answerOf(reply.ResultMetadata), err)
	}
	composite := reply.ChecksumType == types.ChecksumTypeComposite
	return driver.Object{
		Key: request.Upload.Key, Size: request.Size, ETag: control.Unquote(*reply.ETag), VersionID: aws.ToString(reply.VersionId),
		Checksums: collect(reply.ChecksumCRC64NVME, reply.ChecksumCRC32C, reply.ChecksumCRC32, reply.ChecksumSHA256, reply.ChecksumSHA1, composite),
	}, nil
}

// AbortUpload discards an upload.
func (b *Bucket) AbortUpload(ctx context.Context, request driver.UploadRef) error {
	return b.reporter.Fail("AbortUpload", request.Key, b.abortUpload(ctx, request))
}

func (b *Bucket) abortUpload(ctx context.Context, request driver.UploadRef) error {
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return err
	}
	reply, err := place.sdk.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.config.Bucket, Key: &request.Key, UploadId: &request.ID,
	})
	if err != nil {
		return b.unless("NoSuchUpload", err)
	}
	return b.done("the end of an upload", reply.ResultMetadata)
}

// ListUploads returns one page of open uploads.
func (b *Bucket) ListUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	page, err := b.listUploads(ctx, request)
	return page, b.reporter.Fail("ListUploads", "", err)
}

func (b *Bucket) listUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	place, _, err := b.prepareCall(ctx)
	if err != nil {
		return driver.UploadsPage{}, err
	}
	input := &s3.ListMultipartUploadsInput{Bucket: &b.config.Bucket, Prefix: optional(request.Prefix)}
	if !b.config.Profile.Listing.NoEncoding {
		input.EncodingType = types.EncodingTypeUrl
	}
	if request.Token != "" {
		key, id, err := readMarker(request.Token)
		if err != nil {
			return driver.UploadsPage{}, err
		}
		input.KeyMarker, input.UploadIdMarker = &key, optional(id)
	}
	reply, err := place.sdk.ListMultipartUploads(ctx, input)
	if err != nil {
		return driver.UploadsPage{}, b.reporter.Translate(err)
	}
	if aws.ToString(reply.Bucket) == "" {
		return driver.UploadsPage{}, control.Invalid("the endpoint does not speak S3: its list of uploads names no bucket")
	}
	decode := func(text string) (string, error) { return decodeKey(text, reply.EncodingType == types.EncodingTypeUrl) }
	var page driver.UploadsPage
	for _, open := range reply.Uploads {
		key, err := decode(aws.ToString(open.Key))
		if err != nil {
			return driver.UploadsPage{}, control.Invalid("the endpoint does not speak S3: %v", err)
		}
		upload := driver.Upload{UploadRef: driver.UploadRef{Key: key, ID: aws.ToString(open.UploadId)}}
		if open.Initiated != nil {
			upload.Initiated = open.Initiated.UTC()
		}
		page.Uploads = append(page.Uploads, upload)
	}
	if aws.ToBool(reply.IsTruncated) {
		key, err := decode(aws.ToString(reply.NextKeyMarker))
		if err != nil {
			return driver.UploadsPage{}, control.Invalid("the endpoint does not speak S3: %v", err)
		}
		if key == "" && len(page.Uploads) > 0 { // MinIO leaves it out
			key = page.Uploads[len(page.Uploads)-1].Key
		}
		if id := aws.ToString(reply.NextUploadIdMarker); key+id != "" {
			page.Next = writeMarker(key, id)
		}
	}
	listed := control.Listed{
		Bucket: reply.Bucket, Prefix: reply.Prefix, Truncated: written(reply.IsTruncated), Next: page.Next,
		Delimiter: aws.ToString(reply.Delimiter), Begins: []string{aws.ToString(reply.KeyMarker)},
		Grouped: slices.ContainsFunc(reply.CommonPrefixes, func(group types.CommonPrefix) bool { return aws.ToString(group.Prefix) != "" }),
	}
	asked := control.Asked{Bucket: b.named(), Prefix: request.Prefix, After: aws.ToString(input.KeyMarker)}
	if err := listed.Check(asked, len(page.Uploads)); err != nil {
		return driver.UploadsPage{}, b.dialect.Foreign("a list of uploads", answerOf(reply.ResultMetadata), err)
	}
	return page, nil
}

// writeMarker makes one token of S3's two markers: the length of the key, a
// colon, the key, the upload id.
func writeMarker(key, id string) string { return strconv.Itoa(len(key)) + ":" + key + id }

func readMarker(token string) (key, id string, err error) {
	length, rest, found := strings.Cut(token, ":")
	n, problem := strconv.Atoi(length)
	if !found || problem != nil || n < 0 || n > len(rest) {
		return "", "", control.Invalid("the page token is not one of this driver's")
	}
	return rest[:n], rest[n:], nil
}
