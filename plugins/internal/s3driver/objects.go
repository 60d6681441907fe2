package s3driver

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithy "github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// Stat asks for one object by HEAD.
func (b *Bucket) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	object, err := b.stat(ctx, request)
	return object, b.reporter.Fail("Stat", request.Key, err)
}

func (b *Bucket) stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return driver.Object{}, err
	}
	input := &s3.HeadObjectInput{Bucket: &b.config.Bucket, Key: &request.Key, VersionId: optional(request.VersionID)}
	if len(b.session.Checksums.Stored) > 0 {
		input.ChecksumMode = types.ChecksumModeEnabled
	}
	reply, err := place.sdk.HeadObject(ctx, input)
	if err != nil {
		return driver.Object{}, b.explain(ctx, request, b.reporter.Translate(err))
	}
	raw, _ := middleware.GetRawResponse(reply.ResultMetadata).(*smithyhttp.Response)
	if raw == nil || raw.Header.Get("Etag") == "" && raw.Header.Get("X-Amz-Request-Id") == "" {
		return driver.Object{}, control.Invalid("the endpoint does not speak S3: it answers a HEAD without an ETag")
	}
	object := objectFrom(request.Key, raw.Header)
	if stored := b.storedEncoding(raw.Header); stored != object.Attributes.ContentEncoding {
		return driver.Object{}, &driver.Error{
			Kind: driver.KindIntegrity, Status: raw.StatusCode, RequestID: raw.Header.Get("X-Amz-Request-Id"),
			Message: fmt.Sprintf("the object is stored with Content-Encoding %q and told with %q: something on the way decompresses it", stored, object.Attributes.ContentEncoding),
		}
	}
	return object, nil
}

// storedEncoding returns the Content-Encoding that the object is stored with: what the
// store's own header says, "identity" for none, or the answer's.
func (b *Bucket) storedEncoding(header http.Header) string {
	told := header.Get(b.config.Profile.StoredEncoding)
	switch {
	case b.config.Profile.StoredEncoding == "" || told == "":
		return driver.WithoutChunked(strings.Join(header.Values("Content-Encoding"), ", "))
	case strings.EqualFold(told, "identity"):
		return ""
	}
	return driver.WithoutChunked(told)
}

// explain asks for the first byte of an object whose HEAD was refused: the
// answer to a HEAD has no body, and so does not tell an absent key from an
// absent bucket, or a missing right from a wrong clock.
func (b *Bucket) explain(ctx context.Context, request driver.StatRequest, refused *driver.Error) error {
	if refused.Status < 300 || refused.Status >= 500 || refused.Code != "" {
		return refused
	}
	query := ""
	if request.VersionID != "" {
		query = "versionId=" + string(control.AppendQuery(nil, request.VersionID))
	}
	reply, err := b.get(ctx, request.Key, query, []driver.Header{{Name: "range", Value: "bytes=0-0"}})
	if err != nil {
		return err
	}
	if reply.Status < 300 || reply.Status == http.StatusRequestedRangeNotSatisfiable {
		return &driver.Error{Kind: driver.KindUnavailable, Message: "the object appeared while it was looked at: ask again"}
	}
	return b.read(reply)
}

// Delete removes the current version of the key.
func (b *Bucket) Delete(ctx context.Context, request driver.DeleteRequest) error {
	return b.reporter.Fail("Delete", request.Key, b.delete(ctx, request.Key))
}

func (b *Bucket) delete(ctx context.Context, key string) error {
	place, _, err := b.prepare(ctx, key)
	if err != nil {
		return b.unless("NoSuchKey", err)
	}
	reply, err := place.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.config.Bucket, Key: &key})
	if err != nil {
		return b.unless("NoSuchKey", err)
	}
	return b.done("a deletion", reply.ResultMetadata)
}

// done says whether a success without a document is the store's: it has the request id that
// the store always sends or, where it need not send one, is "204 No Content". The login page
// of a proxy is neither. Source: Amazon S3 API reference, DeleteObject and
// AbortMultipartUpload.
func (b *Bucket) done(what string, metadata smithy.Metadata) error {
	answer := answerOf(metadata)
	told := b.dialect.FromStore(answer)
	if told || answer.Status == http.StatusNoContent && !b.config.Profile.RequestID {
		return nil
	}
	return b.dialect.Foreign(what, answer, nil)
}

// answerOf returns what an answer of the SDK was, without its document.
func answerOf(metadata smithy.Metadata) control.Answer {
	raw, _ := middleware.GetRawResponse(metadata).(*smithyhttp.Response)
	if raw == nil || raw.Response == nil {
		return control.Answer{}
	}
	return control.Answer{Status: raw.StatusCode, Header: raw.Header}
}

// written is the text of a truth value that an answer may leave out.
func written(truth *bool) *string {
	if truth == nil {
		return nil
	}
	text := strconv.FormatBool(*truth)
	return &text
}

// unless forgives the one failure that leaves nothing to do.
func (b *Bucket) unless(code string, err error) error {
	if err == nil {
		return nil
	}
	failure := b.reporter.Translate(err)
	if failure.Code == code {
		return nil
	}
	return failure
}

// optional turns an empty text into an absent one.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
