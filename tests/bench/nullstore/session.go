package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// session serves one connection.
type session struct {
	store *store
	stats *counters
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
}

// exchange serves one request and says whether another may follow.
func (s *session) exchange() bool {
	r, err := readRequest(s.in)
	if err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) { // not just the client's end
			fmt.Fprintln(os.Stderr, "nullstore: request:", err)
		}
		return false
	}
	if r.expect {
		if _, err := s.conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return false
		}
	}
	return s.answer(r) == nil && !r.last
}

func (s *session) answer(r *request) error {
	switch {
	case r.bucket == "":
		return s.sendXML(s.stats.text())
	case r.key == "":
		return s.answerBucket(r)
	case r.query.Has("uploadId") || r.query.Has("uploads"):
		return s.answerUpload(r)
	}
	switch r.method {
	case "GET":
		s.stats.get.Add(1)
		return s.answerGet(r)
	case "HEAD":
		s.stats.head.Add(1)
		return s.answerGet(r)
	case "PUT":
		s.stats.put.Add(1)
		return s.answerPut(r)
	case "DELETE":
		s.store.remove(r.bucket, r.key)
		return s.send(s.head("204 No Content", -1), nil)
	}
	return s.sendError(r, "405 Method Not Allowed", "MethodNotAllowed", r.method)
}

func (s *session) answerBucket(r *request) error {
	switch {
	case r.method == "PUT" || r.method == "HEAD":
		if _, err := readText(s.in, r); err != nil {
			return err
		}
		return s.send(s.head("200 OK", 0), nil)
	case r.method == "GET" && r.query.Has("location"):
		return s.sendXML(`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`)
	case r.method == "GET" && r.query.Has("versioning"):
		return s.sendXML(`<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>`)
	case r.method == "GET" && r.query.Has("uploads"):
		return s.answerListUploads(r)
	case r.method == "GET" && r.query.Get("list-type") == "2" && r.query.Get("delimiter") == "":
		s.stats.list.Add(1)
		return s.answerList(r)
	}
	return s.sendError(r, "501 Not Implemented", "NotImplemented", "nullstore cannot do this with a bucket")
}

func (s *session) answerGet(r *request) error {
	found, ok := s.store.get(r.bucket, r.key)
	if !ok {
		return s.sendError(r, "404 Not Found", "NoSuchKey", "no object "+r.key)
	}
	if r.ifMatch != "" && r.ifMatch != found.etag {
		return s.sendError(r, "412 Precondition Failed", "PreconditionFailed", "the object has ETag "+found.etag)
	}
	first, last, partial, ok := r.byteRange(found.size)
	if !ok {
		return s.sendError(r, "416 Range Not Satisfiable", "InvalidRange", r.rangeHeader)
	}
	status := "200 OK"
	if partial {
		status = "206 Partial Content"
	}
	out := s.head(status, last-first+1)
	out = field(out, "Content-Type", "application/octet-stream")
	out = field(out, "Accept-Ranges", "bytes")
	out = field(out, "ETag", found.etag)
	out = field(out, "Last-Modified", stampText)
	out = field(out, "x-amz-meta-origin", "bench")
	switch {
	case partial:
		out = field(out, "Content-Range", "bytes "+strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10)+"/"+strconv.FormatInt(found.size, 10))
	case r.wantCRC && found.hasCRC:
		out = field(out, "x-amz-checksum-crc64nvme", found.crcText())
		out = field(out, "x-amz-checksum-type", "FULL_OBJECT")
	}
	if r.method == "HEAD" || found.size == 0 {
		return s.send(out, nil)
	}
	return s.sendContent(out, first, last)
}

var stampText = stamp.Format("Mon, 02 Jan 2006 15:04:05 GMT")

func (s *session) answerPut(r *request) error {
	o, err := s.receive(r)
	if err != nil || o == nil {
		return err
	}
	s.store.put(r.bucket, r.key, *o)
	return s.sendDigest(*o)
}

// receive reads the body of an object or part. It returns nil after it has told
// the client that the bytes are not what its checksum says.
func (s *session) receive(r *request) (*object, error) {
	body, err := readBody(s.in, r)
	if err != nil {
		return nil, err
	}
	o := object{size: body.size, digest: s.store.digests.ofBody(body.size, body.crc), hasCRC: true}
	claimed := []string{"", o.crcText()}
	if !slices.Contains(claimed, r.checksum) || !slices.Contains(claimed, body.trailer) {
		return nil, s.sendError(r, "400 Bad Request", "BadDigest", "the bytes have CRC64NVME "+o.crcText())
	}
	return &o, nil
}

// sendDigest tells ETag and checksum of what was stored.
func (s *session) sendDigest(o object) error {
	out := field(s.head("200 OK", 0), "ETag", o.etag)
	out = field(out, "x-amz-checksum-crc64nvme", o.crcText())
	out = field(out, "x-amz-checksum-type", "FULL_OBJECT")
	return s.send(out, nil)
}
