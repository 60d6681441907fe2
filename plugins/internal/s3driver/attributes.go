package s3driver

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dth-dev/dth/sdk/driver"
)

const metadataPrefix = "x-amz-meta-"

// attributeHeaders returns the headers that store the attributes. What the
// store would refuse or spoil is an error that names it: metadata is never
// dropped in silence.
func (b *Bucket) attributeHeaders(attributes driver.Attributes) ([]driver.Header, error) {
	kept := b.config.Profile.Metadata
	header := make([]driver.Header, 0, 6+len(attributes.Metadata))
	for _, field := range []driver.Header{
		{Name: "cache-control", Value: attributes.CacheControl},
		{Name: "content-disposition", Value: attributes.ContentDisposition},
		{Name: "content-encoding", Value: withoutChunked(attributes.ContentEncoding)},
		{Name: "content-language", Value: attributes.ContentLanguage},
		{Name: "content-type", Value: attributes.ContentType},
		{Name: "expires", Value: attributes.Expires},
	} {
		if field.Value == "" {
			continue
		}
		problem := valueProblem(field.Value, kept.HeaderUTF8)
		if field.Name == "expires" && kept.ExpiresDate && !httpDate(field.Value) {
			problem = "cannot be stored: it is no HTTP date, which is all that this store keeps"
		}
		if problem != "" {
			return nil, invalid("the object's %s header %s", field.Name, problem)
		}
		header = append(header, field)
	}
	for _, pair := range attributes.Metadata {
		if !token(pair.Name) {
			return nil, invalid("metadata %q cannot be stored: its name is no HTTP header name", pair.Name)
		}
		if problem := valueProblem(pair.Value, kept.UTF8); problem != "" {
			return nil, invalid("metadata %q %s", pair.Name, problem)
		}
		header = append(header, driver.Header{Name: metadataPrefix + strings.ToLower(pair.Name), Value: pair.Value})
	}
	return header, nil
}

func invalid(format string, arguments ...any) error {
	return &driver.Error{Kind: driver.KindInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}

// valueProblem says why a value would not come back as it was sent.
func valueProblem(value string, beyondASCII bool) string {
	for i := range len(value) {
		switch c := value[i]; {
		case c < 0x20 || c == 0x7f:
			return "cannot be stored: its value holds a control character"
		case c >= 0x80 && !beyondASCII:
			return "cannot be stored: its value is not US-ASCII, which is all that this store keeps"
		}
	}
	switch {
	case !utf8.ValidString(value):
		return "cannot be stored: its value is not UTF-8"
	case strings.Trim(value, " ") != value:
		return "cannot be stored: its value begins or ends with a space"
	}
	return ""
}

// httpDate says whether the text is a date in the one form that HTTP writes.
func httpDate(text string) bool {
	at, err := time.Parse(http.TimeFormat, text)
	return err == nil && at.Format(http.TimeFormat) == text
}

// token says whether the name may stand in a header (RFC 9110 section 5.6.2).
func token(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// objectFrom reads an object from the headers of a HEAD.
func objectFrom(key string, header http.Header) driver.Object {
	object := driver.Object{
		Key:          key,
		ETag:         unquote(header.Get("Etag")),
		VersionID:    header.Get("X-Amz-Version-Id"),
		StorageClass: storageClass(header.Get("X-Amz-Storage-Class")),
		Checksums:    checksumsFrom(header),
		Attributes: driver.Attributes{
			ContentType:        header.Get("Content-Type"),
			ContentEncoding:    withoutChunked(header.Get("Content-Encoding")),
			ContentLanguage:    header.Get("Content-Language"),
			ContentDisposition: header.Get("Content-Disposition"),
			CacheControl:       header.Get("Cache-Control"),
			Expires:            header.Get("Expires"),
			Metadata:           metadataFrom(header),
		},
	}
	object.Size, _ = strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if modified, err := http.ParseTime(header.Get("Last-Modified")); err == nil {
		object.Modified = modified.UTC()
	}
	return object
}

func metadataFrom(header http.Header) []driver.Metadata {
	var metadata []driver.Metadata
	for name, values := range header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, metadataPrefix) {
			metadata = append(metadata, driver.Metadata{Name: lower[len(metadataPrefix):], Value: strings.Join(values, ",")})
		}
	}
	slices.SortFunc(metadata, func(a, b driver.Metadata) int { return strings.Compare(a.Name, b.Name) })
	return metadata
}

func checksumsFrom(header http.Header) []driver.Checksum {
	composite := header.Get("X-Amz-Checksum-Type") == "COMPOSITE"
	var found []driver.Checksum
	for _, known := range checksums {
		found = appendChecksum(found, known.algorithm, header.Get(known.header), composite)
	}
	return found
}

// appendChecksum adds a checksum as S3 writes it: base64, and "-PARTS" behind a
// composite one.
func appendChecksum(found []driver.Checksum, algorithm driver.Algorithm, text string, composite bool) []driver.Checksum {
	text, _, parts := strings.Cut(text, "-")
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) == 0 {
		return found
	}
	return append(found, driver.Checksum{Algorithm: algorithm, Value: string(value), Composite: composite || parts})
}

// withoutChunked takes off the transfer's own encoding, which some stores keep
// and tell as the object's.
func withoutChunked(encoding string) string {
	if !strings.Contains(encoding, "aws-chunked") {
		return encoding
	}
	var kept []string
	for name := range strings.SplitSeq(encoding, ",") {
		if name = strings.TrimSpace(name); name != "aws-chunked" && name != "" {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, ",")
}

func unquote(etag string) string {
	if mark, rest, weak := strings.Cut(etag, `W/"`); weak && mark == "" {
		return "W/" + strings.Trim(rest, `"`)
	}
	return strings.Trim(etag, `"`)
}

// storageClass drops the default class, which listings name and HEAD does not.
func storageClass(name string) string {
	if name == "STANDARD" {
		return ""
	}
	return name
}
