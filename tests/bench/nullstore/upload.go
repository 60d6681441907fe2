package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// answerUpload serves the requests of a multipart upload.
func (s *session) answerUpload(r *request) error {
	s.stats.upload.Add(1)
	id := r.query.Get("uploadId")
	switch {
	case r.method == "POST" && r.query.Has("uploads"):
		return s.answerCreate(r)
	case r.method == "PUT":
		return s.answerPart(r, id)
	case r.method == "GET":
		return s.answerListParts(r, id)
	case r.method == "POST":
		return s.answerComplete(r, id)
	case r.method == "DELETE":
		s.store.abort(id)
		return s.send(s.head("204 No Content", -1), nil)
	}
	return s.sendError(r, "405 Method Not Allowed", "MethodNotAllowed", r.method)
}

func (s *session) answerCreate(r *request) error {
	if _, err := readText(s.in, r); err != nil {
		return err
	}
	id := s.store.createUpload(r.bucket, r.key)
	return s.sendXML(fmt.Sprintf(`<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>`,
		escape(r.bucket), escape(r.key), id))
}

func (s *session) answerPart(r *request, id string) error {
	part, err := s.receive(r)
	if err != nil || part == nil {
		return err
	}
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 {
		return s.sendError(r, "400 Bad Request", "InvalidArgument", "partNumber")
	}
	if !s.store.putPart(id, number, *part) {
		return s.noSuchUpload(r, id)
	}
	return s.sendDigest(*part)
}

func (s *session) answerListParts(r *request, id string) error {
	parts, ok := s.store.parts(id)
	if !ok {
		return s.noSuchUpload(r, id)
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId><IsTruncated>false</IsTruncated>`,
		escape(r.bucket), escape(r.key), id)
	for _, number := range slices.Sorted(maps.Keys(parts)) {
		part := parts[number]
		fmt.Fprintf(&out, "<Part><PartNumber>%d</PartNumber><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>%s</ETag><Size>%d</Size><ChecksumCRC64NVME>%s</ChecksumCRC64NVME></Part>",
			number, escape(part.etag), part.size, part.crcText())
	}
	out.WriteString("</ListPartsResult>")
	return s.sendXML(out.String())
}

// answerComplete joins all parts that were sent; the client's list of them is
// read and believed.
func (s *session) answerComplete(r *request, id string) error {
	if _, err := readText(s.in, r); err != nil {
		return err
	}
	whole, ok := s.store.complete(id)
	if !ok {
		return s.noSuchUpload(r, id)
	}
	checksum := ""
	if whole.hasCRC {
		checksum = "<ChecksumCRC64NVME>" + whole.crcText() + "</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
	}
	return s.sendXML(fmt.Sprintf(`<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag>%s</CompleteMultipartUploadResult>`,
		escape(r.bucket), escape(r.key), escape(whole.etag), checksum))
}

func (s *session) noSuchUpload(r *request, id string) error {
	return s.sendError(r, "404 Not Found", "NoSuchUpload", "no upload "+id)
}
