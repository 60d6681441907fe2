package main

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct{ Key, Value string }

// putTagging is https://www.tencentcloud.com/document/product/436/35709: it
// replaces all tags.
func (c *call) putTagging() error {
	var request tagging
	if err := c.receiveXML(&request); err != nil {
		return err
	}
	tags := map[string]string{}
	for _, t := range request.Tags {
		tags[t.Key] = t.Value
	}
	if len(tags) < len(request.Tags) {
		return badRequest("InvalidTag", "A tag is given twice.")
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	if err := c.retag(tags); err != nil {
		return err
	}
	return c.sendEmpty(http.StatusOK)
}

func (c *call) retag(tags map[string]string) error {
	return c.store.Update(c.key, func(o *bucket.Object) error {
		o.Tags = tags
		return nil
	})
}

// getTagging is https://www.tencentcloud.com/document/product/436/35710.
func (c *call) getTagging() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	var result tagging
	for _, key := range slices.Sorted(maps.Keys(o.Tags)) {
		result.Tags = append(result.Tags, tag{key, o.Tags[key]})
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

// deleteTagging is https://www.tencentcloud.com/document/product/436/35711.
func (c *call) deleteTagging() error {
	if err := c.retag(nil); err != nil {
		return err
	}
	return c.sendEmpty(http.StatusNoContent)
}
