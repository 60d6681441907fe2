package s3driver

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// Restore asks for an archived object to be readable for a while. Source: Amazon S3 API
// reference, RestoreObject: 202 when it begins, 200 when the object is readable already,
// 409 RestoreAlreadyInProgress, 403 InvalidObjectState where nothing is archived.
func (b *Bucket) Restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	readable, err := b.restore(ctx, request)
	return readable, b.reporter.Fail("Restore", request.Key, err)
}

func (b *Bucket) restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	if request.Days < 1 {
		return false, control.Invalid("an object is restored for at least one day, not %d", request.Days)
	}
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return false, err
	}
	reply, err := place.sdk.RestoreObject(ctx, &s3.RestoreObjectInput{
		Bucket: &b.config.Bucket, Key: &request.Key, VersionId: optional(request.VersionID),
		RestoreRequest: &types.RestoreRequest{Days: aws.Int32(int32(min(request.Days, maxDays)))},
	})
	if err == nil {
		raw, _ := middleware.GetRawResponse(reply.ResultMetadata).(*smithyhttp.Response)
		if raw == nil || raw.Header.Get("X-Amz-Request-Id") == "" {
			return false, control.Invalid("the endpoint does not speak S3: it answers a request to restore without a request id")
		}
		return raw.StatusCode == http.StatusOK, nil
	}
	failure := b.reporter.Translate(err)
	switch failure.Code {
	case "RestoreAlreadyInProgress":
		return false, nil
	case "InvalidObjectState":
		return b.neverArchived(ctx, place, request, failure)
	}
	return false, failure
}

// maxDays keeps the number within what the protocol's 32 bits hold.
const maxDays = 1 << 30

// neverArchived says that the object is readable, unless it is archived in a way that a
// number of days does not restore: Intelligent-Tiering moves objects back by itself
// once it is asked without one, and says so in x-amz-archive-status. Source: Amazon S3
// API reference, HeadObject.
func (b *Bucket) neverArchived(ctx context.Context, place *located, request driver.RestoreRequest, refused *driver.Error) (bool, error) {
	head, err := place.sdk.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &b.config.Bucket, Key: &request.Key, VersionId: optional(request.VersionID),
	})
	if err != nil {
		return false, refused
	}
	class, _ := b.session.Class(string(head.StorageClass))
	if head.ArchiveStatus != "" || class.Tier.MustRestore() {
		return false, refused
	}
	return true, nil
}
