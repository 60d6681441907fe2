package s3driver

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// Tags returns the tags of an object, ascending by key.
func (b *Bucket) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	tags, err := b.tags(ctx, request)
	return tags, b.reporter.Fail("Tags", request.Key, err)
}

func (b *Bucket) tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	place, _, err := b.prepare(ctx, request.Key)
	if err != nil {
		return nil, err
	}
	reply, err := place.sdk.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: &b.config.Bucket, Key: &request.Key, VersionId: optional(request.VersionID),
	})
	if err != nil {
		return nil, b.reporter.Translate(err)
	}
	var tags []driver.Tag
	for _, tag := range reply.TagSet {
		tags = append(tags, driver.Tag{Key: aws.ToString(tag.Key), Value: aws.ToString(tag.Value)})
	}
	slices.SortFunc(tags, func(a, b driver.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}

// formatTags writes tags as x-amz-tagging takes them: like the query of a URL. Source:
// Amazon S3 API reference, PutObject.
func formatTags(tags []driver.Tag) string {
	var text []byte
	for i, tag := range tags {
		if i > 0 {
			text = append(text, '&')
		}
		text = control.AppendQuery(append(control.AppendQuery(text, tag.Key), '='), tag.Value)
	}
	return string(text)
}
