package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// getObject is https://help.aliyun.com/en/oss/developer-reference/getobject.
func (c *call) getObject() error {
	o, body, ok := c.store.Read(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	defer body.Close()
	if frozen(o, c.now) || c.injected("archived") {
		return invalidState(c.key)
	}
	if err := preconditions(c.r.Header, "", o); err != nil {
		if c.asRefusal(err).status == http.StatusNotModified {
			c.tellObject(o)
			c.w.Header().Del("Content-MD5")
		}
		return err
	}
	first, length, partial, err := c.byteRange(o.Blob.Size)
	if err != nil {
		return err
	}
	c.tellObject(o)
	c.overrideHeaders()
	if !partial && c.compress(o) {
		return c.sendGzip(body)
	}
	h := c.w.Header()
	h.Set("Content-Length", itoa(length))
	status := http.StatusOK
	if partial {
		h.Del("Content-MD5") // the CRC-64, though, is the whole object's
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

func invalidState(key string) *refusal {
	return &refusal{
		status: http.StatusForbidden, code: "InvalidObjectState", ec: "0026-00000215", details: [][2]string{{"ObjectName", key}},
		message: "The operation is not valid for the object's state",
	}
}

// overrideHeaders applies the response-… parameters, and what the vendor does on
// its own domains: https://help.aliyun.com/en/oss/user-guide/0048-00000105. HEAD
// is not affected.
func (c *call) overrideHeaders() {
	h := c.w.Header()
	for _, name := range standards {
		if value := c.query.Get("response-" + strings.ToLower(name)); value != "" {
			h.Set(name, value)
		}
	}
	if !c.onDefaultDomain {
		return
	}
	h.Set("x-oss-force-download", "true")
	h.Set("x-oss-ec", "0048-00000105")
	if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		h.Set("Content-Disposition", "attachment")
	}
}

// compressible are the types that the vendor compresses.
var compressible = []string{
	"text/cache-manifest", "text/xml", "text/plain", "text/css", "application/javascript", "application/x-javascript",
	"application/rss+xml", "application/json", "text/json",
}

// compress tells whether the answer goes out compressed, as the client allows.
func (c *call) compress(o *bucket.Object) bool {
	kind, _, _ := mime.ParseMediaType(c.w.Header().Get("Content-Type"))
	return o.Blob.Size >= 1<<10 && slices.Contains(compressible, kind) && c.w.Header().Get("Content-Encoding") == "" &&
		slices.ContainsFunc(strings.Split(c.r.Header.Get("Accept-Encoding"), ","), func(encoding string) bool {
			name, weight, _ := strings.Cut(strings.TrimSpace(encoding), ";")
			return name == "gzip" && strings.TrimSpace(weight) != "q=0"
		})
}

func (c *call) sendGzip(body io.Reader) error {
	h := c.w.Header()
	delete(h, "ETag")
	h.Del("Content-MD5")
	h.Set("Content-Encoding", "gzip")
	h.Set("Vary", "Accept-Encoding")
	c.w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(c.w).Flush() // or net/http would tell the length of a short answer
	zipped := gzip.NewWriter(c.w)
	_, _ = io.Copy(zipped, body) // a client that is gone needs no answer
	return zipped.Close()
}

// byteRange reads the Range header. A range that does not lie within the object
// asks for all of it, unless the request wants the standard's behaviour:
// https://help.aliyun.com/en/oss/user-guide/how-to-obtain-oss-resources-by-segmenting-http-range-requests
func (c *call) byteRange(size int64) (first, length int64, partial bool, err error) {
	header := c.r.Header.Get("Range")
	first, last, ok := parseRange(header, size)
	byTheBook := strings.EqualFold(c.r.Header.Get("x-oss-range-behavior"), "standard")
	switch {
	case header == "" || !ok:
		return 0, size, false, nil
	case first >= 0 && first <= last && last < size:
		return first, last - first + 1, true, nil
	case !byTheBook:
		return 0, size, false, nil
	case first >= size:
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return 0, 0, false, &refusal{
			status: http.StatusRequestedRangeNotSatisfiable, code: "InvalidRange", message: "The requested range cannot be satisfied",
			details: [][2]string{{"ActualObjectSize", itoa(size)}, {"RangeRequested", header}},
		}
	}
	first = max(0, first)
	return first, min(last, size-1) - first + 1, true, nil
}

// parseRange reads one range: its ends as asked for, which may lie outside.
func parseRange(header string, size int64) (first, last int64, ok bool) {
	from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if !ok || !strings.HasPrefix(header, "bytes=") {
		return 0, 0, false
	}
	number := func(digits string) int64 {
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || digits[0] == '-' || digits[0] == '+' {
			ok = false
		}
		return n
	}
	switch {
	case from == "" && to == "":
		return 0, 0, false
	case from == "": // the last bytes
		n := number(to)
		if n == 0 {
			return size, size, ok
		}
		return size - n, size - 1, ok
	}
	first, last = number(from), size-1
	if to != "" {
		last = number(to)
		ok = ok && last >= first
	}
	return first, last, ok
}

// preconditions applies the If-… headers, or those of a copy's source by their prefix.
func preconditions(h http.Header, prefix string, o *bucket.Object) error {
	failed := func(condition string) error {
		return &refusal{
			status: http.StatusPreconditionFailed, code: "PreconditionFailed", details: [][2]string{{"Condition", condition}},
			message: "At least one of the pre-conditions you specified did not hold.",
		}
	}
	unmodified := &refusal{status: http.StatusNotModified, code: "NotModified", message: "Not Modified"}
	modified := o.Modified.Truncate(time.Second)
	since := func(name string) (time.Time, bool) {
		at, err := http.ParseTime(h.Get(prefix + name))
		return at, err == nil
	}
	if want := h.Get(prefix + "If-Match"); want != "" && !sameTag(want, o.ETag) {
		return failed("If-Match")
	}
	if at, ok := since("If-Unmodified-Since"); ok && modified.After(at) {
		return failed("If-Unmodified-Since")
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
	return given == "*" || strings.EqualFold(strings.Trim(given, `"`), strings.Trim(etag, `"`))
}
