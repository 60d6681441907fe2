package misbehaving

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer does what S3 does.
func (s *Store) answer(w http.ResponseWriter, asked *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch asked.operation {
	case "List":
		s.list(w, asked.query)
	case "Get", "Head":
		s.get(w, asked)
	case "Put":
		s.tell(w, s.put(asked.key, asked.body, kept(asked.Header)))
	case "Delete":
		delete(s.held, asked.key)
		w.WriteHeader(http.StatusNoContent)
	case "Create":
		s.count++
		id := fmt.Sprintf("upload-%d", s.count)
		s.open[id] = &upload{key: asked.key, header: kept(asked.Header), parts: map[int]*object{}}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>",
			bucketName, escape(asked.key), id)
	case "ListUploads":
		s.listUploads(w, asked.query)
	default:
		s.answerUpload(w, asked)
	}
}

// answerUpload answers what is asked of one open upload.
func (s *Store) answerUpload(w http.ResponseWriter, asked *request) {
	id := asked.query.Get("uploadId")
	found := s.open[id]
	if found == nil || found.key != asked.key {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch asked.operation {
	case "Part":
		number, _ := strconv.Atoi(asked.query.Get("partNumber"))
		s.count++
		found.parts[number] = &object{data: asked.body, etag: s.etag(asked.body)}
		s.tell(w, found.parts[number])
	case "ListParts":
		s.listParts(w, id, found)
	case "Abort":
		delete(s.open, id)
		w.WriteHeader(http.StatusNoContent)
	case "Complete":
		s.complete(w, asked, id, slices.Sorted(maps.Keys(found.parts)))
	}
}

// complete joins the parts with these numbers.
func (s *Store) complete(w http.ResponseWriter, asked *request, id string, numbers []int) {
	found := s.open[id]
	var data []byte
	for _, number := range numbers {
		data = append(data, found.parts[number].data...)
	}
	made := s.put(found.key, data, found.header)
	made.etag = fmt.Sprintf("%032x-%d", s.count, len(numbers))
	delete(s.open, id)
	checksum := ""
	if s.nature.Checksums {
		checksum = "<ChecksumCRC64NVME>" + checksumOf(data) + "</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
	}
	fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>&quot;%s&quot;</ETag>%s</CompleteMultipartUploadResult>",
		bucketName, escape(asked.key), made.etag, checksum)
}

// tell answers a write.
func (s *Store) tell(w http.ResponseWriter, made *object) {
	w.Header().Set("ETag", `"`+made.etag+`"`)
	if s.nature.Checksums {
		w.Header().Set("X-Amz-Checksum-Crc64nvme", checksumOf(made.data))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.WriteHeader(http.StatusOK)
}

// get answers a GET or HEAD.
func (s *Store) get(w http.ResponseWriter, asked *request) {
	found := s.held[asked.key]
	if found == nil {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	if asked.query.Has("tagging") {
		fmt.Fprint(w, "<Tagging><TagSet></TagSet></Tagging>")
		return
	}
	if match := asked.Header.Get("If-Match"); match != "" && strings.Trim(match, `"`) != found.etag {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	header := w.Header()
	for name, values := range found.header {
		header[name] = values
	}
	header.Set("ETag", `"`+found.etag+`"`)
	header.Set("Last-Modified", found.modified.Format(http.TimeFormat))
	data, status := found.data, http.StatusOK
	var first, last int
	if n, _ := fmt.Sscanf(asked.Header.Get("Range"), "bytes=%d-%d", &first, &last); n == 2 {
		if first >= len(data) {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		last = min(last, len(data)-1)
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(data)))
		data, status = data[first:last+1], http.StatusPartialContent
	} else if s.nature.Checksums && asked.Header.Get("X-Amz-Checksum-Mode") != "" {
		header.Set("X-Amz-Checksum-Crc64nvme", checksumOf(found.data))
		header.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if asked.operation == "Get" {
		_, _ = w.Write(data) // who has left needs no answer
	}
}

// list answers both versions of the listing, one page.
func (s *Store) list(w http.ResponseWriter, query url.Values) {
	var b strings.Builder
	prefix, encoded, n := query.Get("prefix"), query.Get("encoding-type") == "url", 0
	written := func(key string) string {
		if encoded {
			return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
		}
		return escape(key)
	}
	after, last, truncated := max(query.Get("marker"), query.Get("start-after"), query.Get("continuation-token")), "", false
	for _, key := range slices.Sorted(maps.Keys(s.held)) {
		if !strings.HasPrefix(key, prefix) || key <= after && after != "" {
			continue
		}
		if most, err := strconv.Atoi(query.Get("max-keys")); err == nil && n == most {
			truncated = true
			break
		}
		n++
		last = key
		found := s.held[key]
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>",
			written(key), found.modified.Format("2006-01-02T15:04:05.000Z"), found.etag, len(found.data))
	}
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><ListBucketResult><Name>%s</Name><Prefix>%s</Prefix>", bucketName, written(prefix))
	if query.Get("list-type") == "2" {
		fmt.Fprintf(w, "<KeyCount>%d</KeyCount>", n)
	}
	if encoded {
		fmt.Fprint(w, "<EncodingType>url</EncodingType>")
	}
	if truncated {
		fmt.Fprintf(w, "<NextMarker>%s</NextMarker><NextContinuationToken>%s</NextContinuationToken>", written(last), escape(last))
	}
	fmt.Fprintf(w, "<MaxKeys>1000</MaxKeys><IsTruncated>%t</IsTruncated>%s</ListBucketResult>", truncated, b.String())
}

func (s *Store) listUploads(w http.ResponseWriter, query url.Values) {
	fmt.Fprintf(w, "<ListMultipartUploadsResult><Bucket>%s</Bucket><IsTruncated>false</IsTruncated>", bucketName)
	for id, found := range s.open {
		if strings.HasPrefix(found.key, query.Get("prefix")) {
			fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>",
				escape(found.key), id, time.Now().UTC().Format(time.RFC3339))
		}
	}
	fmt.Fprint(w, "</ListMultipartUploadsResult>")
}

func (s *Store) listParts(w http.ResponseWriter, id string, found *upload) {
	fmt.Fprintf(w, "<ListPartsResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId><IsTruncated>false</IsTruncated>",
		bucketName, escape(found.key), id)
	for _, number := range slices.Sorted(maps.Keys(found.parts)) {
		part := found.parts[number]
		fmt.Fprintf(w, "<Part><PartNumber>%d</PartNumber><ETag>&quot;%s&quot;</ETag><Size>%d</Size></Part>", number, part.etag, len(part.data))
	}
	fmt.Fprint(w, "</ListPartsResult>")
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // never fails on a Builder
	return b.String()
}
