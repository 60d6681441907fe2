package main

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

type uploadEntry struct {
	Key       text
	UploadID  string `xml:"UploadId"`
	Initiated string
}

type uploadsResult struct {
	XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
	EncodingType       string   `xml:",omitempty"`
	Bucket             string
	KeyMarker          text
	UploadIDMarker     string `xml:"UploadIdMarker"`
	NextKeyMarker      text
	NextUploadIDMarker string `xml:"NextUploadIdMarker"`
	Delimiter          text
	Prefix             text
	MaxUploads         int
	IsTruncated        bool
	Uploads            []uploadEntry `xml:"Upload"`
	CommonPrefixes     []groupEntry  `xml:"CommonPrefixes"`
}

// listUploads is https://help.aliyun.com/en/oss/developer-reference/listmultipartuploads.
func (c *call) listUploads() error {
	e, err := c.encoding()
	if err != nil {
		return err
	}
	limit, err := c.number("max-uploads", maxKeys, 1, maxKeys)
	if err != nil {
		return err
	}
	result := uploadsResult{
		EncodingType: e.name, Bucket: c.bucket, KeyMarker: e.encode(c.query.Get("key-marker")), UploadIDMarker: c.query.Get("upload-id-marker"),
		Delimiter: e.encode(c.query.Get("delimiter")), Prefix: e.encode(c.query.Get("prefix")), MaxUploads: limit,
	}
	last := ""
	for _, u := range c.uploadsAfter() {
		group := c.groupOf(u.Object.Key)
		if group != "" && group == last {
			continue
		}
		if len(result.Uploads)+len(result.CommonPrefixes) == limit {
			result.IsTruncated = true
			break
		}
		if group != "" {
			last = group
			result.CommonPrefixes = append(result.CommonPrefixes, groupEntry{e.encode(group)})
			result.NextKeyMarker, result.NextUploadIDMarker = e.encode(group), ""
			continue
		}
		result.Uploads = append(result.Uploads, uploadEntry{e.encode(u.Object.Key), u.ID, stamp(u.Created)})
		result.NextKeyMarker, result.NextUploadIDMarker = e.encode(u.Object.Key), u.ID
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

// uploadsAfter returns the uploads with the prefix that come after the markers,
// ascending by key, then id.
func (c *call) uploadsAfter() []bucket.Upload {
	key, id := c.query.Get("key-marker"), c.query.Get("upload-id-marker")
	uploads := slices.DeleteFunc(c.store.Uploads(), func(u bucket.Upload) bool {
		before := u.Object.Key < key || u.Object.Key == key && (id == "" || u.ID <= id)
		passed := key != "" && c.groupOf(u.Object.Key) == key
		return !strings.HasPrefix(u.Object.Key, c.query.Get("prefix")) || key != "" && before || passed
	})
	slices.SortFunc(uploads, func(a, b bucket.Upload) int {
		return cmp.Or(cmp.Compare(a.Object.Key, b.Object.Key), cmp.Compare(a.ID, b.ID))
	})
	return uploads
}

// groupOf returns the common prefix that a key falls into, "" without a delimiter.
func (c *call) groupOf(key string) string {
	prefix, delimiter := c.query.Get("prefix"), c.query.Get("delimiter")
	if delimiter == "" {
		return ""
	}
	before, _, ok := strings.Cut(strings.TrimPrefix(key, prefix), delimiter)
	if !ok {
		return ""
	}
	return prefix + before + delimiter
}
