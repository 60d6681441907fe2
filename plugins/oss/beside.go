package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/dth-dev/dth/sdk/driver"
)

// Tags returns the tags of an object.
func (b *bucket) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	tags, err := b.tags(ctx, request)
	return tags, b.reporter.Fail("Tags", request.Key, err)
}

func (b *bucket) tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	site, err := b.siteOf(ctx, request.Key)
	if err != nil {
		return nil, err
	}
	reply, err := site.sdk.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{
		Bucket: &site.bucket, Key: &request.Key, VersionId: optional(request.VersionID),
	})
	if err != nil {
		return nil, err
	}
	if err := done("a request for tags", reply.ResultCommon); err != nil {
		return nil, err
	}
	tags := make([]driver.Tag, len(reply.Tags))
	for i, tag := range reply.Tags {
		tags[i] = driver.Tag{Key: oss.ToString(tag.Key), Value: oss.ToString(tag.Value)}
	}
	slices.SortFunc(tags, func(a, b driver.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}

// Restore asks for an archived object to be readable. OSS answers 202 to the first
// request, 409 while it restores, 200 when it is done, and refuses for objects that can
// be read as they are. Source:
// https://www.alibabacloud.com/help/en/oss/developer-reference/restoreobject.
func (b *bucket) Restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	readable, err := b.restore(ctx, request)
	return readable, b.reporter.Fail("Restore", request.Key, err)
}

func (b *bucket) restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	site, err := b.siteOf(ctx, request.Key)
	if err != nil {
		return false, err
	}
	reply, err := site.sdk.RestoreObject(ctx, &oss.RestoreObjectRequest{
		Bucket: &site.bucket, Key: &request.Key, VersionId: optional(request.VersionID),
		RestoreRequest: &oss.RestoreRequest{Days: int32(request.Days)},
	})
	var refused *oss.ServiceError
	switch {
	case err == nil:
		return reply.StatusCode == http.StatusOK, done("a restoration", reply.ResultCommon)
	case errors.As(err, &refused) && refused.Code == "RestoreAlreadyInProgress":
		return false, nil
	case errors.As(err, &refused) && refused.Code == "OperationNotSupported":
		return true, nil
	}
	return false, err
}
