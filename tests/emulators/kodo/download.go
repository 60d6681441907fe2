package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

func (s *server) routeDownload(r *http.Request, name string) operation {
	op := strings.ToLower(r.Method)
	if op != "get" && op != "head" {
		return refused("unknown", errMethod)
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	key, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return refused(op, errArgument)
	}
	switch {
	case name != "":
	case len(s.names) == 1:
		name = s.names[0]
	case s.strictHost:
		return refused(op, errNoDomain)
	default:
		name, key, _ = strings.Cut(key, "/")
	}
	store, err := s.store(name)
	if err != nil {
		return refused(op, errNoDomain)
	}
	return operation{op, key, func(w http.ResponseWriter, r *http.Request) error { return s.get(w, r, store, key) }}
}

// get sends an object. Preconditions on its hash or age are not looked at: the
// documentation has none.
//
// Source: https://developer.qiniu.com/kodo/manual/1202,
// https://developer.qiniu.com/kodo/1312/download.
func (s *server) get(w http.ResponseWriter, r *http.Request, store *bucket.Store, key string) error {
	if err := s.account.Download("http://"+r.Host+r.RequestURI, s.desk.Now()); err != nil {
		return err
	}
	o, body, ok := store.Read(key)
	if !ok {
		return errNoDocument
	}
	defer body.Close()
	switch {
	case frozen(o, s.desk.Now()):
		return errArchived
	case note(o, statusNote) == "1":
		return errDisabled
	}
	describeInHeaders(w.Header(), o)
	if name := r.URL.Query().Get("attname"); name != "" {
		w.Header().Set("Content-Disposition", `attachment; filename="`+url.PathEscape(name)+`"`)
	}
	if squeezes(r, o) {
		return squeeze(w, r, o, body)
	}
	return send(w, r, o, body)
}

func describeInHeaders(header http.Header, o *bucket.Object) {
	header.Set("Cache-Control", "public, max-age=31536000") // of a bucket without a maxAge of its own
	header.Set("Accept-Ranges", "bytes")
	header.Set("Last-Modified", o.Modified.UTC().Truncate(time.Second).Format(http.TimeFormat))
	header["ETag"] = []string{`"` + o.ETag + `"`}
	header.Set("Content-Type", o.Header.Get("Content-Type"))
	for _, name := range systemHeaders {
		if value := o.Header.Get(name); value != "" {
			header.Set(name, value)
		}
	}
	for name, values := range o.Header {
		if short, ok := strings.CutPrefix(name, metaPrefix); ok {
			header["X-Qn-Meta-"+short] = values
		}
	}
}

// send sends the body, or a range of it.
func send(w http.ResponseWriter, r *http.Request, o *bucket.Object, body *bucket.Body) error {
	size := o.Blob.Size
	first, length, status := int64(0), size, http.StatusOK
	if text := r.Header.Get("Range"); text != "" {
		from, count, understood := parseRange(text, size)
		if understood && count == 0 {
			w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
			return errRange
		}
		if understood {
			first, length, status = from, count, http.StatusPartialContent
			w.Header().Set("Content-Range", "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+count-1, 10)+"/"+strconv.FormatInt(size, 10))
		}
	}
	if _, err := body.Seek(first, io.SeekStart); err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = io.CopyN(w, body, length) // a client that is gone needs no answer
	}
	return nil
}

// parseRange reads a range of one stretch. A length of 0 says that nothing is
// there; what it does not understand, HTTP lets it pass over.
func parseRange(text string, size int64) (first, length int64, understood bool) {
	spec, ok := strings.CutPrefix(text, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	if from == "" {
		suffix, err := strconv.ParseInt(to, 10, 64)
		if err != nil || suffix < 0 {
			return 0, 0, false
		}
		suffix = min(suffix, size)
		return size - suffix, suffix, true
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	last := size - 1
	if to != "" {
		given, err := strconv.ParseInt(to, 10, 64)
		if err != nil || given < first {
			return 0, 0, false
		}
		last = min(last, given)
	}
	return first, max(0, last-first+1), true
}

// squeezes says whether an answer comes compressed though the object is not: text,
// not too short, as a whole, to a client that takes gzip. The hash then ends in
// ".gz", and there is no length.
//
// Source: the downloader of qiniu/go-sdk, which strips that ending.
func squeezes(r *http.Request, o *bucket.Object) bool {
	kind := o.Header.Get("Content-Type")
	text := strings.HasPrefix(kind, "text/") || kind == "application/json" || kind == "application/javascript" || kind == "application/xml"
	return text && o.Blob.Size >= 1<<10 && o.Header.Get("Content-Encoding") == "" &&
		r.Header.Get("Range") == "" && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

func squeeze(w http.ResponseWriter, r *http.Request, o *bucket.Object, body *bucket.Body) error {
	w.Header()["ETag"] = []string{`"` + o.ETag + `.gz"`}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Del("Accept-Ranges")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // or a short answer would get a length after all
	if r.Method == http.MethodGet {
		compressor := gzip.NewWriter(w)
		_, _ = io.Copy(compressor, body) // a client that is gone needs no answer
		_ = compressor.Close()
	}
	return nil
}
