package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// source opens the object that x-oss-copy-source names, as /BUCKET/KEY with an
// encoded key.
func (c *call) source() (*bucket.Store, *bucket.Object, *bucket.Body, error) {
	escaped, _, versioned := strings.Cut(strings.TrimPrefix(c.r.Header.Get(copySource), "/"), "?")
	plain, err := url.PathUnescape(escaped)
	name, key, ok := strings.Cut(plain, "/")
	switch {
	case !ok || err != nil || key == "":
		return nil, nil, nil, invalid("Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.")
	case versioned:
		return nil, nil, nil, &refusal{status: http.StatusNotImplemented, code: "NotImplemented", message: "The emulator's buckets have no versions."}
	case c.buckets[name] == nil:
		return nil, nil, nil, &refusal{status: http.StatusNotFound, code: "NoSuchBucket", ec: "0015-00000101", message: "The specified bucket does not exist.", details: [][2]string{{"BucketName", name}}}
	}
	store := c.buckets[name]
	o, body, ok := store.Read(key)
	if !ok {
		return nil, nil, nil, noSuchKey(key)
	}
	err = preconditions(c.r.Header, "X-Oss-Copy-Source-", o)
	if err == nil && frozen(o, c.now) {
		err = invalidState(key)
	}
	if err != nil {
		_ = body.Close()
		return nil, nil, nil, err
	}
	return store, o, body, nil
}

// directive reads a header that says whether to take something from the source.
func directive(h http.Header, name string) (replaced bool, err error) {
	switch value := h.Get(name); strings.ToUpper(value) {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalid("The header " + name + " must be COPY or REPLACE, not " + value)
	}
}

type copyResult struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	ETag         string
	LastModified string
}

// copyObject is https://help.aliyun.com/en/oss/developer-reference/copyobject.
func (c *call) copyObject() error {
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	replaced, err := directive(c.r.Header, metaDirective)
	if err != nil {
		return err
	}
	retagged, err := directive(c.r.Header, tagDirective)
	if err != nil {
		return err
	}
	store, from, body, err := c.source()
	if err != nil {
		return err
	}
	defer body.Close()
	if from.Blob.Size > maxBody {
		return badRequest("EntityTooLarge", "The source is larger than 5 GB: copy it by parts.")
	}
	onto := store == c.store && from.Key == c.key
	if !replaced && !onto { // onto itself, only what the request says counts
		o.Header = inherited(from.Header, o.Header)
	}
	if !retagged {
		o.Tags = from.Tags
	}
	if store == c.store {
		o.Blob = from.Blob
	} else {
		if o.Blob, err = c.store.Receive(body); err != nil {
			return err
		}
		defer c.store.Discard(o.Blob)
	}
	o.ETag, o.Parts, o.NoCRC64, o.Modified = from.ETag, from.Parts, from.NoCRC64 || c.injected("no-crc64"), c.now
	if err := c.store.Put(o, newcomer(c.r.Header)); err != nil {
		return err
	}
	c.tellStored(&o)
	c.w.Header().Del("Content-MD5") // which would be the answer's
	c.sendXML(http.StatusOK, copyResult{ETag: o.ETag, LastModified: stamp(o.Modified)})
	return nil
}

func stamp(t time.Time) string {
	return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05.000Z")
}

// inherited returns the source's headers, but the access and the encryption that
// the request asks for.
func inherited(source, request http.Header) http.Header {
	h := source.Clone()
	for _, name := range []string{aclHeader, encryption, appendable} {
		h.Del(name)
		if value := request.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	return h
}

type copyPartResult struct {
	XMLName      xml.Name `xml:"CopyPartResult"`
	LastModified string
	ETag         string
}

// copyPart is https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy.
// A range that does not lie within the source copies all of it.
func (c *call) copyPart() error {
	id, number, err := c.part()
	if err != nil {
		return err
	}
	_, from, body, err := c.source()
	if err != nil {
		return err
	}
	defer body.Close()
	first, length := int64(0), from.Blob.Size
	if from, to, ok := parseRange(c.r.Header.Get("x-oss-copy-source-range"), length); ok && from >= 0 && to < length {
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, length))
		first, length = from, to-from+1
	}
	if length > maxBody {
		return badRequest("EntityTooLarge", "Your proposed part exceeds the maximum allowed size.")
	}
	if _, err := body.Seek(first, io.SeekStart); err != nil {
		return err
	}
	blob, err := c.store.Receive(io.LimitReader(body, length))
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	if err := c.store.PutPart(id, bucket.Part{Number: number, Blob: blob, ETag: quoted(blob.MD5), Modified: c.now}); err != nil {
		return err
	}
	c.sendXML(http.StatusOK, copyPartResult{LastModified: stamp(c.now), ETag: quoted(blob.MD5)})
	return nil
}
