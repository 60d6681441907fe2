package memdriver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// call is one request, taken apart.
type call struct {
	name   string // Get, Put, Part, or the name of a driver method
	bucket string
	key    string
	query  url.Values
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := parse(r)
	w.Header().Set("X-Mem-Request-Id", s.nextRequestID(c.name))
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	serve := func(w http.ResponseWriter, r *http.Request) {
		err := err
		if err == nil {
			err = s.serve(w, r, c)
		}
		if err != nil {
			refuse(w, r, c, err)
		}
	}
	s.faulty(c, http.HandlerFunc(serve)).ServeHTTP(w, r)
}

func (s *Server) nextRequestID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.counts[name]++
	return fmt.Sprintf("mem-%08d", s.requests)
}

// parse reads the request line as it was sent: nothing is cleaned or folded.
func parse(r *http.Request) (call, error) {
	path, rawQuery, _ := strings.Cut(r.RequestURI, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return call{}, &failure{400, "InvalidURI", "the query is malformed"}
	}
	escapedBucket, escapedKey, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	bucket, errBucket := url.PathUnescape(escapedBucket)
	key, errKey := url.PathUnescape(escapedKey)
	if errBucket != nil || errKey != nil {
		return call{}, &failure{400, "InvalidURI", "the path is malformed"}
	}
	c := call{bucket: bucket, key: key, query: query}
	switch {
	case query.Has("mem-call") && r.Method == http.MethodPost:
		c.name = query.Get("mem-call")
	case r.Method == http.MethodGet:
		c.name = "Get"
	case r.Method == http.MethodPut && query.Has("mem-upload"):
		c.name = "Part"
	case r.Method == http.MethodPut, r.Method == http.MethodPost && query.Has("mem-form"):
		c.name = "Put"
	default:
		return c, &failure{405, "MethodNotAllowed", "the store has no such request"}
	}
	return c, nil
}

// serve verifies and executes one call.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c call) error {
	if refused := s.verify(r, c.bucket, c.query); refused != nil {
		return refused
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return &failure{400, "IncompleteBody", "the body ended early"}
	}
	switch c.name {
	case "Get":
		return s.serveGet(w, r, c)
	case "Put":
		return s.servePut(w, r, c, body)
	case "Part":
		return s.servePart(w, r, c, body)
	}
	return s.serveControl(w, c, body)
}

// within runs do on the content of the bucket, alone.
func (s *Server) within(bucket string, do func(*bucketData) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, exists := s.buckets[bucket]
	if !exists {
		return &failure{404, "NoSuchBucket", "there is no bucket of this name"}
	}
	return do(data)
}

// refuse answers with the error, after the body was read: a client that still
// writes would see a broken connection and not the answer.
func refuse(w http.ResponseWriter, r *http.Request, c call, err error) {
	_, _ = io.Copy(io.Discard, r.Body) // a body that ends early is refused all the same
	var known *failure
	if !errors.As(err, &known) {
		known = &failure{500, "InternalError", err.Error()}
	}
	writeFailure(w, c.query.Get("mem-replies"), known)
}

// servePut stores one whole object.
func (s *Server) servePut(w http.ResponseWriter, r *http.Request, c call, body []byte) error {
	data, fields, err := unframe(r, c.query, body)
	if err != nil {
		return err
	}
	announced, err := announcedChecksum(fields)
	if err != nil {
		return err
	}
	if err := matchChecksum(announced, crc64(data)); err != nil {
		return err
	}
	attributes := attributesOf(fields)
	if metadataBytes(attributes) > maxMetadata {
		return &failure{400, "MetadataTooLarge", fmt.Sprintf("user metadata may have %d bytes", maxMetadata)}
	}
	object := newObject(c.key, data, attributes, s.now())
	err = s.within(c.bucket, func(b *bucketData) error {
		b.put(object)
		return nil
	})
	if err != nil {
		return err
	}
	return writeStored(w, c.query.Get("mem-replies"), object.ETag, object.Checksums[0])
}

// servePart stores one part of an upload.
func (s *Server) servePart(w http.ResponseWriter, r *http.Request, c call, body []byte) error {
	data, _, err := unframe(r, c.query, body)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(c.query.Get("mem-part"))
	if err != nil || number < 1 || number > maxPartNumber {
		return &failure{400, "InvalidPart", fmt.Sprintf("part numbers go from 1 to %d", maxPartNumber)}
	}
	part := newPart(number, data)
	err = s.within(c.bucket, func(b *bucketData) error {
		upload, err := b.upload(driver.UploadRef{Key: c.key, ID: c.query.Get("mem-upload")})
		if err == nil {
			upload.parts[number] = part
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeStored(w, c.query.Get("mem-replies"), part.ETag, part.Checksums[0])
}
