package s3driver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// ReachCopy looks whether the source is a bucket of the same store, and lists and reads
// one object of it with the keys of this bucket: S3 grants the two rights apart.
func (b *Bucket) ReachCopy(ctx context.Context, source driver.CopySource) error {
	return b.reporter.Fail("ReachCopy", "", b.reachCopy(ctx, source))
}

func (b *Bucket) reachCopy(ctx context.Context, source driver.CopySource) error {
	there, err := b.beside(ctx, source)
	if err != nil {
		return err
	}
	keys, err := b.keyring.Keys(ctx)
	if err != nil {
		return err
	}
	if keys.AccessKeyID == "" {
		return &driver.Error{Kind: driver.KindDenied, Message: "the store copies for those who sign only: give the destination credentials"}
	}
	page, err := there.list(ctx, driver.ListRequest{MaxKeys: 1})
	if err != nil || len(page.Objects) == 0 {
		return err
	}
	reply, err := there.get(ctx, page.Objects[0].Key, "", []driver.Header{{Name: "range", Value: "bytes=0-0"}})
	if err != nil || reply.Status < 300 || reply.Status == http.StatusRequestedRangeNotSatisfiable {
		return err
	}
	failure := there.read(reply)
	if failure.Kind == driver.KindFrozen || failure.Code == "NoSuchKey" {
		return nil // archived, or deleted meanwhile: it may be read all the same
	}
	return failure
}

// beside returns the source as a bucket that is read with this bucket's keys.
func (b *Bucket) beside(ctx context.Context, source driver.CopySource) (*Bucket, error) {
	if err := control.CheckBucket(source.Bucket); err != nil {
		return nil, err
	}
	config, err := b.config.Beside(ctx, source)
	if err != nil {
		return nil, err
	}
	here, there := storeOf(b.config), storeOf(config)
	if here != there {
		return nil, &driver.Error{Kind: driver.KindUnsupported, Message: "the source is in another store: " + there + ", not " + here}
	}
	other := &Bucket{
		config: config, session: b.session, dialect: b.dialect, reporter: b.reporter, keyring: b.keyring,
		clock: b.clock, transport: b.transport, client: b.client, replies: b.replies,
	}
	return other, nil
}

// storeOf names what may copy within itself: an endpoint, or a partition of Amazon.
func storeOf(config Config) string { return strings.TrimSuffix(config.Identity, "/"+config.Bucket) }

// CopyObject copies one object with its headers, metadata and tags. S3 may answer 200
// and report the failure in the body; the SDK reads it.
func (b *Bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	object, err := b.copyObject(ctx, request)
	return object, b.reporter.Fail("CopyObject", request.Key, err)
}

func (b *Bucket) copyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	if _, err := b.mayWrite(request.Key, driver.Attributes{StorageClass: request.StorageClass}); err != nil {
		return driver.Object{}, err
	}
	if most := b.config.Profile.Limits.MaxCopy; most > 0 && request.Object.Size > most {
		return driver.Object{}, &driver.Error{
			Kind: driver.KindUnsupported, Message: fmt.Sprintf("the object has %d bytes, one copy inside the store at most %d", request.Object.Size, most),
		}
	}
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return driver.Object{}, err
	}
	reply, err := place.sdk.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.config.Bucket, Key: &request.Key, CopySource: copySource(request.Source, request.Object),
		CopySourceIfMatch: ifMatch(request.Object), StorageClass: types.StorageClass(request.StorageClass),
	}, copyHeaders(request.Source, b.config.Wishes.headers()))
	if err != nil {
		return driver.Object{}, b.reporter.Translate(err)
	}
	result := reply.CopyObjectResult
	if result == nil || aws.ToString(result.ETag) == "" {
		return driver.Object{}, cutCopy(reply.ResultMetadata)
	}
	return driver.Object{
		Key: request.Key, Size: request.Object.Size, ETag: control.Unquote(*result.ETag), VersionID: aws.ToString(reply.VersionId),
		StorageClass: storageClass(request.StorageClass),
		Checksums: collect(result.ChecksumCRC64NVME, result.ChecksumCRC32C, result.ChecksumCRC32, result.ChecksumSHA256,
			result.ChecksumSHA1, result.ChecksumType == types.ChecksumTypeComposite),
	}, nil
}

// CopyPart makes a part from a range of the source.
func (b *Bucket) CopyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	part, err := b.copyPart(ctx, request)
	return part, b.reporter.Fail("CopyPart", request.Upload.Key, err)
}

func (b *Bucket) copyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	place, _, err := b.prepare(ctx, request.Upload.Key)
	if err != nil {
		return driver.Part{}, err
	}
	if !b.config.Profile.Copies.Parts {
		return driver.Part{}, &driver.Error{Kind: driver.KindUnsupported, Message: "this store does not copy ranges of objects"}
	}
	span := "bytes=" + strconv.FormatInt(request.Offset, 10) + "-" + strconv.FormatInt(request.Offset+request.Size-1, 10)
	reply, err := place.sdk.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket: &b.config.Bucket, Key: &request.Upload.Key, UploadId: &request.Upload.ID, PartNumber: aws.Int32(int32(request.Number)),
		CopySource: copySource(request.Source, request.Object), CopySourceIfMatch: ifMatch(request.Object), CopySourceRange: &span,
	}, copyHeaders(request.Source, nil))
	if err != nil {
		return driver.Part{}, b.reporter.Translate(err)
	}
	result := reply.CopyPartResult
	if result == nil || aws.ToString(result.ETag) == "" {
		return driver.Part{}, cutCopy(reply.ResultMetadata)
	}
	return driver.Part{
		Number: request.Number, Size: request.Size, ETag: control.Unquote(*result.ETag),
		Checksums: collect(result.ChecksumCRC64NVME, result.ChecksumCRC32C, result.ChecksumCRC32, result.ChecksumSHA256, result.ChecksumSHA1, false),
	}, nil
}

// cutCopy says what an answer without a result is: a store's that broke off while the
// store kept the connection alive, or none of a store.
func cutCopy(metadata middleware.Metadata) *driver.Error {
	if raw, _ := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); raw == nil || raw.Header.Get("X-Amz-Request-Id") == "" {
		return control.Invalid("the endpoint does not speak S3: it answers a copy without a result")
	}
	return &driver.Error{Kind: driver.KindUnavailable, Message: "the answer broke off before the result: copy it again"}
}

// copySource names what is copied: "BUCKET/KEY[?versionId=ID]", escaped, so that a "?"
// or "%" of the key is not taken for more. Source: Amazon S3 API reference, CopyObject,
// x-amz-copy-source.
func copySource(source driver.CopySource, object driver.Object) *string {
	text := control.AppendPath(control.AppendQuery(nil, source.Bucket), "/"+object.Key)
	if object.VersionID != "" {
		text = control.AppendQuery(append(text, "?versionId="...), object.VersionID)
	}
	return aws.String(string(text))
}

// ifMatch binds a copy to one version of its source.
func ifMatch(object driver.Object) *string {
	if object.ETag == "" {
		return nil
	}
	return aws.String(`"` + object.ETag + `"`)
}
