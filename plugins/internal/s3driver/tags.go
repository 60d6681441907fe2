package s3driver

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// Tags returns the tags of an object, ascending by key.
func (b *Bucket) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	tags, err := b.tags(ctx, request)
	return tags, b.reporter.Fail("Tags", request.Key, err)
}

// tagging is the answer of GetObjectTagging.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Set     *struct {
		Tags []struct {
			Key   string
			Value string
		} `xml:"Tag"`
	} `xml:"TagSet"`
}

// tags reads the answer itself: the SDK takes any document for an object without tags,
// which would lose them.
func (b *Bucket) tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	if _, _, err := b.prepare(ctx, request.Key); err != nil {
		return nil, err
	}
	query := "tagging="
	if request.VersionID != "" {
		query += "&versionId=" + string(control.AppendQuery(nil, request.VersionID))
	}
	reply, err := b.get(ctx, request.Key, query, nil)
	if err != nil {
		return nil, err
	}
	if reply.Status != http.StatusOK {
		return nil, b.read(reply)
	}
	var answer tagging
	if err := xml.Unmarshal(reply.Body, &answer); err != nil || answer.Set == nil {
		return nil, b.dialect.Foreign("a request for tags", reply, err)
	}
	var tags []driver.Tag
	for _, tag := range answer.Set.Tags {
		tags = append(tags, driver.Tag(tag))
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
