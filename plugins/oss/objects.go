package main

import (
	"context"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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

// list sends the call itself: the SDK takes "+" in a continuation token for a space,
// because OSS is documented to escape tokens, and as base64 they may hold one as it is.
func (b *bucket) list(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	site, err := b.site(ctx)
	if err != nil {
		return driver.ListPage{}, err
	}
	input := &oss.OperationInput{OpName: "ListObjectsV2", Method: http.MethodGet, Bucket: &site.bucket, Parameters: listQuery(request)}
	reply, err := site.sdk.InvokeOperation(ctx, input)
	if err != nil {
		return driver.ListPage{}, err
	}
	defer func() { _ = reply.Body.Close() }()
	var listed listing
	if err := xml.NewDecoder(reply.Body).Decode(&listed); err != nil && !errors.As(err, new(*xml.SyntaxError)) && !errors.Is(err, io.EOF) {
		return driver.ListPage{}, err
	} else if err != nil || listed.Name == nil {
		return driver.ListPage{}, dialect.Foreign("a listing", control.Answer{Status: reply.StatusCode, Header: reply.Headers}, err)
	}
	answer := control.Answer{Status: reply.StatusCode, Header: reply.Headers}
	page := driver.ListPage{Objects: make([]driver.Object, len(listed.Contents))}
	for i, object := range listed.Contents {
		if oss.ToString(object.Key) == "" || object.Size == nil {
			return driver.ListPage{}, dialect.Foreign("a listing", answer, control.Mismatch("an entry has no key or no size"))
		}
		page.Objects[i] = driver.Object{
			Key: decodeKey(oss.ToString(object.Key), oss.ToString(listed.EncodingType)), Size: *object.Size, ETag: control.Unquote(oss.ToString(object.ETag)),
			Modified: utc(object.LastModified), StorageClass: storageClass(oss.ToString(object.StorageClass)),
			Frozen: frozen(oss.ToString(object.StorageClass), oss.ToString(object.RestoreInfo)),
		}
	}
	if page.Next, err = url.PathUnescape(oss.ToString(listed.NextContinuationToken)); err != nil { // which leaves "+" alone
		return driver.ListPage{}, dialect.Foreign("a listing", answer, err)
	}
	told := control.Listed{
		Bucket: listed.Name, Prefix: listed.Prefix, Truncated: listed.IsTruncated, Count: listed.KeyCount, Next: page.Next,
		Delimiter: oss.ToString(listed.Delimiter), Begins: []string{oss.ToString(listed.ContinuationToken), oss.ToString(listed.StartAfter)},
		Grouped: slices.ContainsFunc(listed.CommonPrefixes, func(group oss.CommonPrefix) bool { return oss.ToString(group.Prefix) != "" }),
	}
	asked := control.Asked{Bucket: site.bucket, Prefix: request.Prefix, Token: request.Token, After: request.StartAfter}
	if err := told.Check(asked, len(page.Objects)); err != nil {
		return driver.ListPage{}, dialect.Foreign("a listing", answer, err)
	}
	return page, nil
}

// listing is the SDK's page, but for the elements whose absence it cannot tell.
type listing struct {
	oss.ListObjectsV2Result
	IsTruncated *string
	KeyCount    *string
	Contents    []entry
}

type entry struct {
	oss.ObjectProperties
	Size *int64
}

// decodeKey undoes encoding-type=url where the answer says so. What is not encoded is
// taken as it stands.
func decodeKey(text, encoding string) string {
	if key, err := url.QueryUnescape(text); err == nil && encoding == "url" {
		return key
	}
	return text
}

// listQuery returns the parameters of a page. OSS's own default is 100 keys.
func listQuery(request driver.ListRequest) map[string]string {
	query := map[string]string{"list-type": "2", "encoding-type": "url", "max-keys": "1000", "prefix": request.Prefix}
	if request.MaxKeys > 0 {
		query["max-keys"] = strconv.Itoa(request.MaxKeys)
	}
	if request.Token != "" {
		query["continuation-token"] = request.Token
	} else if request.StartAfter != "" {
		query["start-after"] = request.StartAfter
	}
	return query
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
		var reply *oss.DeleteObjectResult
		if reply, err = site.sdk.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: &site.bucket, Key: &request.Key}); err == nil {
			err = done("a deletion", reply.ResultCommon)
		}
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

// frozen says whether a listed object must be restored before it is read. Objects of
// Archive may be readable as they are, where the bucket has real-time access. Source:
// https://www.alibabacloud.com/help/en/oss/developer-reference/listobjectsv2, RestoreInfo.
func frozen(class, restore string) bool {
	cold := class == "ColdArchive" || class == "DeepColdArchive"
	return cold && !strings.Contains(restore, `ongoing-request="false"`)
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
