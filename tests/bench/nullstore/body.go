package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/minio/crc64nvme"
)

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// received is what is left of a body: its length, CRC and the checksum that the
// client sent behind it, if any.
type received struct {
	size    int64
	crc     uint64
	trailer string
}

// readBody drains the request's body.
func readBody(in *bufio.Reader, r *request) (received, error) {
	if !r.awsChunked {
		var body received
		err := body.drain(in, r.length)
		return body, err
	}
	return readChunks(in)
}

// drain reads n bytes of content.
func (b *received) drain(in *bufio.Reader, n int64) error {
	buffer := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buffer)
	for n > 0 {
		got, err := in.Read(buffer[:min(n, int64(len(buffer)))])
		b.crc = crc64nvme.Update(b.crc, buffer[:got])
		b.size += int64(got)
		n -= int64(got)
		if err != nil && n > 0 {
			return fmt.Errorf("body ends %d bytes early: %w", n, err)
		}
	}
	return nil
}

// readChunks reads a body in aws-chunked encoding: SIZE[;signature] CRLF bytes
// CRLF, up to a chunk of no bytes, then trailer lines and an empty one.
func readChunks(in *bufio.Reader) (received, error) {
	var body received
	for {
		line, err := readLine(in)
		if err != nil {
			return body, err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseInt(string(digits), 16, 64)
		if err != nil {
			return body, fmt.Errorf("chunk size %q: %w", line, err)
		}
		if size == 0 {
			return body, body.readTrailers(in)
		}
		if err := body.drain(in, size); err != nil {
			return body, err
		}
		if _, err := in.Discard(len("\r\n")); err != nil {
			return body, err
		}
	}
}

func (b *received) readTrailers(in *bufio.Reader) error {
	for {
		line, err := readLine(in)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("x-amz-checksum-crc64nvme")) {
			b.trailer = string(bytes.TrimSpace(value))
		}
	}
}

// readText reads a short body whole.
func readText(in *bufio.Reader, r *request) ([]byte, error) {
	if r.length > 8<<20 {
		return nil, fmt.Errorf("a document of %d bytes", r.length)
	}
	text := make([]byte, r.length)
	_, err := io.ReadFull(in, text)
	return text, err
}
