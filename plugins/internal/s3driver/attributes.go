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
		Prefix: metadataPrefix, Rules: m.rules(), NotCarried: notCarried, HeaderUTF8: m.HeaderUTF8, ExpiresDate: m.ExpiresDate,
	}
}

// attributeHeaders returns the headers that store the attributes, or an error that
// names what the store would spoil.
func (b *Bucket) attributeHeaders(attributes driver.Attributes) ([]driver.Header, error) {
	attributes.ContentEncoding = driver.WithoutChunked(attributes.ContentEncoding)
	header, err := b.config.Profile.Metadata.headers().Headers(attributes)
	if err != nil {
		return nil, err
	}
	if err := b.mayClass(attributes.StorageClass); err != nil {
		return nil, err
	}
	if attributes.StorageClass != "" {
		header = append(header, driver.Header{Name: classHeader, Value: attributes.StorageClass})
	}
	if len(attributes.Tags) > 0 {
		if most := b.session.Limits.MaxTags; len(attributes.Tags) > most {
			return nil, control.Invalid("the object has %d tags, this store keeps %d", len(attributes.Tags), most)
		}
		header = append(header, driver.Header{Name: "x-amz-tagging", Value: formatTags(attributes.Tags)})
	}
	return header, nil
}

const classHeader = "x-amz-storage-class"

// mayClass refuses a class that the store does not have. Empty is the default.
func (b *Bucket) mayClass(name string) error {
	if _, known := b.session.Class(name); name != "" && !known {
		return control.Invalid("this store has no storage class %q", name)
	}
	return nil
}

// objectFrom reads an object from the headers of a HEAD.
func objectFrom(key string, header http.Header) driver.Object {
	object := MetadataSet{}.headers().Object(key, header)
	object.VersionID = header.Get("X-Amz-Version-Id")
	object.StorageClass = storageClass(header.Get(classHeader))
	object.Checksums = checksumsFrom(header)
	object.Attributes.ContentEncoding = driver.WithoutChunked(object.Attributes.ContentEncoding)
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

// storageClass drops the default class, which listings name and HEAD does not.
func storageClass(name string) string {
	if name == "STANDARD" {
		return ""
	}
	return name
}
