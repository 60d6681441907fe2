package memdriver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// serveGet answers with an object or one range of it (RFC 9110 sections 13.1.1
// and 14). A Range header that is not understood is refused, never ignored.
func (s *Server) serveGet(w http.ResponseWriter, r *http.Request, c call) error {
	var object *storedObject
	err := s.within(c.bucket, func(b *bucketData) (err error) {
		object, err = b.get(c.key)
		return err
	})
	if err != nil {
		return err
	}
	if err := object.readable(); err != nil {
		return err
	}
	if wanted := r.Header.Get("If-Match"); wanted != "" && !matchETag(wanted, object.ETag) {
		return &failure{412, "PreconditionFailed", "the object is another version"}
	}
	header := w.Header()
	status, data := http.StatusOK, object.data
	if wanted := r.Header.Values("Range"); len(wanted) > 0 {
		first, last, valid := parseRange(strings.Join(wanted, ","), object.Size)
		if !valid {
			header.Set("Content-Range", fmt.Sprintf("bytes */%d", object.Size))
			return &failure{416, "InvalidRange", "the object does not have this range"}
		}
		status, data = http.StatusPartialContent, data[first:last+1]
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, object.Size))
	} else {
		header.Set(checksumHeader, wireChecksum(object.Checksums[0]))
	}
	header["Content-Type"] = nil // no guess where the object has none
	for _, field := range headersOf(object.Attributes) {
		header.Set(field.Name, field.Value)
	}
	if s.forced {
		header.Set(forcedHeader, "true")
		header.Set("Content-Disposition", "attachment")
	}
	header.Set("Etag", `"`+object.ETag+`"`)
	header.Set("Last-Modified", object.Modified.Format(http.TimeFormat))
	header.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone when this fails
	return nil
}

// matchETag says whether an If-Match header names the ETag.
func matchETag(wanted, etag string) bool {
	for part := range strings.SplitSeq(wanted, ",") {
		if part = strings.TrimSpace(part); part == "*" || part == `"`+etag+`"` {
			return true
		}
	}
	return false
}

// parseRange reads "bytes=FIRST-LAST", "bytes=FIRST-" or "bytes=-COUNT" against
// the size. A range that begins behind the end is not valid; one that only ends
// there is cut.
func parseRange(header string, size int64) (first, last int64, valid bool) {
	spec, found := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !found || !dash {
		return 0, 0, false
	}
	if from == "" {
		count, err := strconv.ParseUint(to, 10, 63)
		if err != nil || count == 0 || size == 0 {
			return 0, 0, false
		}
		return max(0, size-int64(count)), size - 1, true
	}
	start, err := strconv.ParseUint(from, 10, 63)
	if err != nil || int64(start) >= size {
		return 0, 0, false
	}
	end := size - 1
	if to != "" {
		stop, err := strconv.ParseUint(to, 10, 63)
		if err != nil || stop < start {
			return 0, 0, false
		}
		end = min(end, int64(stop))
	}
	return int64(start), end, true
}
