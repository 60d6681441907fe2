package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// counters count requests by kind.
type counters struct {
	list, get, head, put, upload atomic.Int64
}

// text returns the counts as one XML element, served at "/".
func (c *counters) text() string {
	return fmt.Sprintf(`<Requests list="%d" get="%d" head="%d" put="%d" upload="%d"/>`,
		c.list.Load(), c.get.Load(), c.head.Load(), c.put.Load(), c.upload.Load())
}

// answerList serves one page of ListObjectsV2. The token of a page is the last
// key of the page before.
func (s *session) answerList(r *request) error {
	limit, err := strconv.Atoi(cmp.Or(r.query.Get("max-keys"), "1000"))
	if err != nil {
		return s.sendError(r, "400 Bad Request", "InvalidArgument", "max-keys: "+err.Error())
	}
	prefix := r.query.Get("prefix")
	page, more := s.store.list(r.bucket, prefix,
		cmp.Or(r.query.Get("continuation-token"), r.query.Get("start-after")), min(limit, 1000))

	var out strings.Builder
	out.Grow(200 + 300*len(page))
	fmt.Fprintf(&out, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys>`,
		escape(r.bucket), escape(prefix), len(page))
	if r.query.Has("encoding-type") { // keys here need no encoding
		out.WriteString("<EncodingType>url</EncodingType>")
	}
	if more {
		out.WriteString("<IsTruncated>true</IsTruncated><NextContinuationToken>" + escape(page[len(page)-1].key) + "</NextContinuationToken>")
	} else {
		out.WriteString("<IsTruncated>false</IsTruncated>")
	}
	for _, e := range page {
		out.WriteString("<Contents><Key>")
		out.WriteString(escape(e.key))
		out.WriteString("</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>")
		out.WriteString(escape(e.etag))
		out.WriteString("</ETag><Size>")
		out.WriteString(strconv.FormatInt(e.size, 10))
		out.WriteString("</Size><StorageClass>STANDARD</StorageClass></Contents>")
	}
	out.WriteString("</ListBucketResult>")
	return s.sendXML(out.String())
}

func (s *session) answerListUploads(r *request) error {
	open := s.store.openUploads(r.bucket, r.query.Get("prefix"))
	var out strings.Builder
	fmt.Fprintf(&out, `<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>%s</Bucket><IsTruncated>false</IsTruncated>`, escape(r.bucket))
	for _, id := range slices.SortedFunc(maps.Keys(open), func(a, b string) int {
		return cmp.Or(cmp.Compare(open[a], open[b]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(&out, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>", escape(open[id]), id)
	}
	out.WriteString("</ListMultipartUploadsResult>")
	return s.sendXML(out.String())
}
