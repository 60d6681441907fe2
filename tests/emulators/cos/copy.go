package main

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// source opens the object that x-cos-copy-source names, as
// BUCKET.cos.REGION.myqcloud.com/KEY with an encoded key.
func (c *call) source() (*bucket.Store, *bucket.Object, *bucket.Body, error) {
	host, rest, ok := strings.Cut(c.r.Header.Get("x-cos-copy-source"), "/")
	escaped, _, versioned := strings.Cut(rest, "?")
	key, err := url.PathUnescape(escaped)
	name, _, labels := strings.Cut(host, ".")
	switch {
	case !ok || err != nil || !labels || key == "" || !bucketName.MatchString(name):
		return nil, nil, nil, invalid("x-cos-copy-source must be BUCKET-APPID.cos.REGION.myqcloud.com/KEY, its key URL-encoded.")
	case versioned:
		return nil, nil, nil, &refusal{http.StatusNotImplemented, "NotImplemented", "The emulator's buckets have no versions."}
	case c.buckets[name] == nil:
		return nil, nil, nil, &refusal{http.StatusNotFound, "NoSuchBucket", "The specified source bucket does not exist."}
	}
	store := c.buckets[name]
	o, body, ok := store.Read(key)
	if !ok {
		return nil, nil, nil, bucket.ErrNoObject
	}
	if err := preconditions(c.r.Header, "X-Cos-Copy-Source-", o); err != nil {
		_ = body.Close()
		return nil, nil, nil, err
	}
	if frozen(o, c.now) {
		_ = body.Close()
		return nil, nil, nil, &refusal{http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the source object's storage class."}
	}
	return store, o, body, nil
}

// directive reads a header that says whether to take something from the source.
func directive(h http.Header, name string) (replaced bool, err error) {
	switch value := h.Get(name); value {
	case "", "Copy":
		return false, nil
	case "Replaced":
		return true, nil
	default:
		return false, invalid(name + " must be Copy or Replaced, not " + value)
	}
}

type copyResult struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	ETag         string
	CRC64        string `xml:",omitempty"`
	LastModified string
}

// copyObject is https://www.tencentcloud.com/document/product/436/10881.
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
		return badRequest("InvalidRequest", "The source is larger than 5 GB: copy it by parts.")
	}
	if store == c.store && from.Key == c.key && !replaced && !retagged && o.Class == from.Class {
		return badRequest("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing anything.")
	}
	if !replaced {
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
	o.ETag, o.Parts, o.NoCRC64, o.Modified = from.ETag, from.Parts, from.NoCRC64, c.desk.Now()
	return c.late(func() (any, error) {
		if err := c.store.Put(o, newcomer(c.r.Header)); err != nil {
			return nil, err
		}
		result := copyResult{ETag: o.ETag, LastModified: o.Modified.UTC().Format(time.RFC3339)}
		if !o.NoCRC64 {
			result.CRC64 = strconv.FormatUint(o.Blob.CRC64, 10)
			c.w.Header().Set("x-cos-hash-crc64ecma", result.CRC64)
		}
		return result, nil
	})
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
	ETag         string
	LastModified string
}

// copyPart is https://www.tencentcloud.com/document/product/436/8287.
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
	wanted := c.r.Header.Get("x-cos-copy-source-range")
	first, length, _, err := byteRange(wanted, from.Blob.Size)
	switch {
	case err != nil:
		return err
	case wanted != "" && !exactRange(wanted, from.Blob.Size):
		return invalid("x-cos-copy-source-range must be bytes=first-last, within the source.")
	case length > maxBody:
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
	now := c.desk.Now()
	if err := c.store.PutPart(id, bucket.Part{Number: number, Blob: blob, ETag: quoted(blob.MD5), Modified: now}); err != nil {
		return err
	}
	c.w.Header().Set("x-cos-hash-crc64ecma", strconv.FormatUint(blob.CRC64, 10))
	c.sendXML(http.StatusOK, copyPartResult{ETag: quoted(blob.MD5), LastModified: now.UTC().Format(time.RFC3339)})
	return nil
}

// exactRange tells whether a copy's range has both ends, inside the source.
func exactRange(header string, size int64) bool {
	ends := strings.Split(strings.TrimPrefix(header, "bytes="), "-")
	if len(ends) != 2 || slices.Contains(ends, "") {
		return false
	}
	last, err := strconv.ParseInt(ends[1], 10, 64)
	return err == nil && last < size
}
