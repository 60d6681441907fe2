package s3driver

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const metadataPrefix = "x-amz-meta-"

// headers say how the store keeps attributes.
func (m MetadataSet) headers() control.AttributeHeaders {
	return control.AttributeHeaders{
		Prefix: metadataPrefix, Rules: driver.MetadataRules{VisibleASCII: !m.UTF8}, HeaderUTF8: m.HeaderUTF8, ExpiresDate: m.ExpiresDate,
	}
}

// attributeHeaders returns the headers that store the attributes, or an error that
// names what the store would spoil.
func (b *Bucket) attributeHeaders(attributes driver.Attributes) ([]driver.Header, error) {
	attributes.ContentEncoding = withoutChunked(attributes.ContentEncoding)
	return b.config.Profile.Metadata.headers().Headers(attributes)
}

// objectFrom reads an object from the headers of a HEAD.
func objectFrom(key string, header http.Header) driver.Object {
	object := MetadataSet{}.headers().Object(key, header)
	object.VersionID = header.Get("X-Amz-Version-Id")
	object.StorageClass = storageClass(header.Get("X-Amz-Storage-Class"))
	object.Checksums = checksumsFrom(header)
	object.Attributes.ContentEncoding = withoutChunked(object.Attributes.ContentEncoding)
	return object
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

// storageClass drops the default class, which listings name and HEAD does not.
func storageClass(name string) string {
	if name == "STANDARD" {
		return ""
	}
	return name
}
