package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// maxBody is the longest body of one request, in bytes.
const maxBody = 5 << 30

// receive takes the request's body and checks its Content-MD5. It reads as many
// bytes as Content-Length says: what a connection carries beyond them is not the
// object's, and the vendor then answers 200 for the shorter object.
func (c *call) receive(chunked bool) (*bucket.Blob, error) {
	if err := c.checkLength(chunked); err != nil {
		return nil, err
	}
	blob, err := c.store.Receive(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if err != nil {
		return nil, incomplete(err)
	}
	if err := checkMD5(c.r.Header, blob.MD5); err != nil {
		c.store.Discard(blob)
		return nil, err
	}
	return blob, nil
}

// checkLength refuses a body whose length is not told, unless chunks may tell it.
func (c *call) checkLength(chunked bool) error {
	switch {
	case len(c.r.TransferEncoding) > 0 && chunked:
	case len(c.r.TransferEncoding) > 0, c.r.Header.Get("Content-Length") == "":
		return &refusal{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header."}
	}
	if c.r.ContentLength > maxBody {
		return badRequest("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
	}
	return nil
}

func incomplete(err error) error {
	return badRequest("IncompleteBody", "The body could not be read to its end: "+err.Error())
}

func quoted(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }

// newcomer refuses to replace an object when the request forbids it.
func newcomer(h http.Header) func(old *bucket.Object) error {
	return func(old *bucket.Object) error {
		if old != nil && h.Get(overwriteBan) == "true" {
			return &refusal{http.StatusConflict, "FileAlreadyExists", "The object you specified already exists and can not be overwritten."}
		}
		return nil
	}
}

// putObject is https://www.tencentcloud.com/document/product/436/7749.
func (c *call) putObject() error {
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	blob, err := c.receive(true)
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	o.Blob, o.ETag, o.Modified, o.NoCRC64 = blob, quoted(blob.MD5), c.desk.Now(), c.injected("no-crc64")
	if err := c.store.Put(o, newcomer(c.r.Header)); err != nil {
		return err
	}
	c.tellStored(&o)
	return c.sendEmpty(http.StatusOK)
}

// tellStored sets the headers that every write of an object is answered with.
func (c *call) tellStored(o *bucket.Object) {
	h := c.w.Header()
	h["ETag"] = []string{o.ETag}
	if !o.NoCRC64 {
		h.Set("x-cos-hash-crc64ecma", strconv.FormatUint(o.Blob.CRC64, 10))
	}
	if method := o.Header.Get(encryption); method != "" {
		h.Set(encryption, method)
	}
}

// headObject is https://www.tencentcloud.com/document/product/436/7745.
func (c *call) headObject() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	if err := preconditions(c.r.Header, "", o); err != nil {
		return err
	}
	c.tellObject(o)
	c.w.Header().Set("Content-Length", itoa(o.Blob.Size))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// tellObject sets the headers that describe an object.
func (c *call) tellObject(o *bucket.Object) {
	h := c.w.Header()
	for name, values := range o.Header {
		if name != aclHeader && name != appendable {
			h[name] = slices.Clone(values)
		}
	}
	c.tellStored(o)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	if o.Class != "STANDARD" {
		h.Set(storageClass, o.Class)
	}
	if strings.HasSuffix(o.Class, "INTELLIGENT_TIERING") {
		h.Set("x-cos-storage-tier", "FREQUENT")
	}
	if len(o.Tags) > 0 {
		h.Set("x-cos-tagging-count", itoa(len(o.Tags)))
	}
	if o.Header.Get(appendable) != "" {
		h.Set("x-cos-object-type", "appendable")
		h.Set("x-cos-next-append-position", itoa(o.Blob.Size))
	}
	c.tellRestore(o)
}

// getObject is https://www.tencentcloud.com/document/product/436/7753.
func (c *call) getObject() error {
	o, body, ok := c.store.Read(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	defer body.Close()
	if frozen(o, c.now) || c.injected("archived") {
		c.w.Header().Set(storageClass, o.Class)
		return &refusal{http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object storage class."}
	}
	if err := preconditions(c.r.Header, "", o); err != nil {
		if asRefusal(err).status == http.StatusNotModified {
			c.tellObject(o)
		}
		return err
	}
	first, length, partial, err := byteRange(c.r.Header.Get("Range"), o.Blob.Size)
	if err != nil {
		return err
	}
	if err := c.forceDownload(); err != nil {
		return err
	}
	c.tellObject(o)
	h := c.w.Header()
	for _, name := range standards {
		if value := c.query.Get("response-" + strings.ToLower(name)); value != "" {
			h.Set(name, value)
		}
	}
	if h.Get(forcedDownload) != "" && !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		h.Set("Content-Disposition", "attachment")
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", itoa(length))
	status := http.StatusOK
	if partial {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, first+length-1, o.Blob.Size))
		status = http.StatusPartialContent
	}
	if _, err := body.Seek(first, io.SeekStart); err != nil {
		return err
	}
	c.w.WriteHeader(status)
	_, _ = io.CopyN(c.w, body, length) // the status is sent: a broken answer ends short of its length
	return nil
}

const forcedDownload = "X-Cos-Force-Download"

// forceDownload applies what buckets since 2024 do on the vendor's own domains:
// https://www.tencentcloud.com/document/product/436/57456. HEAD is not affected.
func (c *call) forceDownload() error {
	if c.pathStyle || !defaultDomain.MatchString(strings.Split(c.r.Host, ":")[0]) {
		return nil
	}
	if strings.HasSuffix(c.key, ".apk") || strings.HasSuffix(c.key, ".ipa") {
		return &refusal{http.StatusForbidden, "DownloadForbidden", "Files of this type can't be downloaded from the default domain."}
	}
	c.w.Header().Set(forcedDownload, "true")
	return nil
}

// byteRange reads a Range header: one range, as the vendor wants it.
func byteRange(header string, size int64) (first, length int64, partial bool, err error) {
	if header == "" {
		return 0, size, false, nil
	}
	unsatisfiable := &refusal{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable."}
	from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if !ok || !strings.HasPrefix(header, "bytes=") {
		return 0, 0, false, invalid("Range must be bytes=first-last, and one range only.")
	}
	last := size - 1
	if from == "" { // the last bytes
		n, err := strconv.ParseInt(to, 10, 64)
		if err != nil || n <= 0 || size == 0 {
			return 0, 0, false, unsatisfiable
		}
		return max(0, size-n), min(n, size), true, nil
	}
	first, err = strconv.ParseInt(from, 10, 64)
	if err == nil && to != "" {
		last, err = strconv.ParseInt(to, 10, 64)
	}
	switch {
	case err != nil || first < 0 || last < first && to != "":
		return 0, 0, false, invalid("Range must be bytes=first-last, and one range only.")
	case first >= size:
		return 0, 0, false, unsatisfiable
	}
	return first, min(last, size-1) - first + 1, true, nil
}

// preconditions applies the If-… headers, or those of a copy's source by their prefix.
func preconditions(h http.Header, prefix string, o *bucket.Object) error {
	failed := &refusal{http.StatusPreconditionFailed, "PreconditionFailed", "Precondition not match."}
	unmodified := failed
	if prefix == "" {
		unmodified = &refusal{http.StatusNotModified, "NotModified", "Not Modified"}
	}
	modified := o.Modified.Truncate(time.Second)
	since := func(name string) (time.Time, bool) {
		at, err := http.ParseTime(h.Get(prefix + name))
		return at, err == nil
	}
	if want := h.Get(prefix + "If-Match"); want != "" && !sameTag(want, o.ETag) {
		return failed
	}
	if at, ok := since("If-Unmodified-Since"); ok && modified.After(at) {
		return failed
	}
	if not := h.Get(prefix + "If-None-Match"); not != "" && sameTag(not, o.ETag) {
		return unmodified
	}
	if at, ok := since("If-Modified-Since"); ok && !modified.After(at) {
		return unmodified
	}
	return nil
}

func sameTag(given, etag string) bool {
	return given == "*" || strings.Trim(given, `"`) == strings.Trim(etag, `"`)
}
