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

type tag struct {
	Key   string
	Value string
}

// putTagging is https://help.aliyun.com/en/oss/developer-reference/putobjecttagging.
func (c *call) putTagging() error {
	body, err := c.receiveDocument()
	if err != nil {
		return err
	}
	var given tagging
	if err := parseXML(body, &given); err != nil {
		return err
	}
	tags := map[string]string{}
	for _, t := range given.Tags {
		if _, twice := tags[t.Key]; twice {
			return invalidTag("A tag is given twice: " + t.Key)
		}
		tags[t.Key] = t.Value
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	return c.retag(tags, http.StatusOK)
}

// deleteTagging is https://help.aliyun.com/en/oss/developer-reference/deleteobjecttagging.
func (c *call) deleteTagging() error { return c.retag(nil, http.StatusNoContent) }

func (c *call) retag(tags map[string]string, status int) error {
	err := c.store.Update(c.key, func(o *bucket.Object) error {
		o.Tags = tags
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendEmpty(status)
}

// getTagging is https://help.aliyun.com/en/oss/developer-reference/getobjecttagging.
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
