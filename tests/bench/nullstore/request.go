package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// request is what the server reads of an HTTP/1.1 request's head.
type request struct {
	method      string
	bucket, key string
	query       url.Values

	length      int64 // Content-Length
	awsChunked  bool  // the body is in aws-chunked encoding
	checksum    string
	rangeHeader string
	ifMatch     string
	wantCRC     bool // x-amz-checksum-mode: ENABLED
	expect      bool // the client waits for 100 Continue
	last        bool // Connection: close
}

// readRequest reads a head, without the body.
func readRequest(in *bufio.Reader) (*request, error) {
	line, err := readLine(in)
	if err != nil {
		return nil, err
	}
	method, rest, _ := strings.Cut(string(line), " ")
	target, _, ok := strings.Cut(rest, " ")
	if after, absolute := strings.CutPrefix(target, "http://"); absolute { // as servers must accept, RFC 9112, 3.2.2
		_, path, _ := strings.Cut(after, "/")
		target = "/" + path
	}
	if !ok || !strings.HasPrefix(target, "/") {
		return nil, fmt.Errorf("malformed request line %q", line)
	}
	r := &request{method: method}
	if err := r.parseTarget(target); err != nil {
		return nil, err
	}
	for {
		line, err := readLine(in)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return r, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if err := r.header(name, bytes.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
}

// readLine returns one line without its end. It is valid until the next read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

func (r *request) parseTarget(target string) error {
	path, query, _ := strings.Cut(target, "?")
	bucket, key, _ := strings.Cut(path[1:], "/")
	r.bucket, r.key = bucket, key
	if strings.Contains(key, "%") {
		unescaped, err := url.PathUnescape(key)
		if err != nil {
			return err
		}
		r.key = unescaped
	}
	// A presigned query is long and says nothing that matters here.
	if query == "" || strings.HasPrefix(query, "X-Amz-") && r.key != "" && !strings.Contains(query, "uploadId=") {
		r.wantCRC = strings.Contains(query, "x-amz-checksum-mode=ENABLED")
		return nil
	}
	values, err := url.ParseQuery(query)
	r.query = values
	r.wantCRC = values.Get("x-amz-checksum-mode") == "ENABLED"
	return err
}

func (r *request) header(name, value []byte) (err error) {
	switch len(name) { // most headers are none of ours, and their length says so
	case 5:
		if bytes.EqualFold(name, []byte("range")) {
			r.rangeHeader = string(value)
		}
	case 6:
		if bytes.EqualFold(name, []byte("expect")) {
			r.expect = true
		}
	case 8:
		if bytes.EqualFold(name, []byte("if-match")) {
			r.ifMatch = string(value)
		}
	case 10:
		if bytes.EqualFold(name, []byte("connection")) {
			r.last = bytes.EqualFold(value, []byte("close"))
		}
	case 14:
		if bytes.EqualFold(name, []byte("content-length")) {
			r.length, err = strconv.ParseInt(string(value), 10, 64)
		}
	case 17:
		if bytes.EqualFold(name, []byte("transfer-encoding")) {
			err = errors.New("a body of unknown length, which S3 refuses as well")
		}
		if bytes.EqualFold(name, []byte("x-amz-copy-source")) {
			err = errors.New("a server-side copy, which would measure nothing")
		}
	case 19:
		if bytes.EqualFold(name, []byte("x-amz-checksum-mode")) {
			r.wantCRC = true
		}
	case 20:
		if bytes.EqualFold(name, []byte("x-amz-content-sha256")) {
			r.awsChunked = bytes.HasPrefix(value, []byte("STREAMING-"))
		}
	case 24:
		if bytes.EqualFold(name, []byte("x-amz-checksum-crc64nvme")) {
			r.checksum = string(value)
		}
	}
	return err
}

// byteRange returns the first and the last byte that the request asks for of an
// object of that size, and whether it asks for less than the whole.
func (r *request) byteRange(size int64) (first, last int64, partial, ok bool) {
	spec, found := strings.CutPrefix(r.rangeHeader, "bytes=")
	if !found {
		return 0, size - 1, false, true
	}
	from, to, _ := strings.Cut(spec, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first >= size {
		return 0, 0, true, false
	}
	last = size - 1
	if to != "" {
		given, err := strconv.ParseInt(to, 10, 64)
		if err != nil || given < first {
			return 0, 0, true, false
		}
		last = min(last, given)
	}
	return first, last, true, true
}
