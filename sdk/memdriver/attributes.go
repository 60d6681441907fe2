package memdriver

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	metadataPrefix = "x-mem-meta-"
	checksumHeader = "x-mem-checksum-crc64nvme"
	lengthHeader   = "x-mem-decoded-length"
	forcedHeader   = "x-mem-force-download"
	classHeader    = "x-mem-storage-class"
	tagsHeader     = "x-mem-tagging" // as a query string
)

// headersOf returns the attributes as headers of an exchange or answer. Answers carry
// neither class nor tags: newObject keeps those apart.
func headersOf(a driver.Attributes) []driver.Header {
	headers := slices.DeleteFunc([]driver.Header{
		{Name: "Content-Type", Value: a.ContentType},
		{Name: "Content-Encoding", Value: a.ContentEncoding},
		{Name: "Content-Language", Value: a.ContentLanguage},
		{Name: "Content-Disposition", Value: a.ContentDisposition},
		{Name: "Cache-Control", Value: a.CacheControl},
		{Name: "Expires", Value: a.Expires},
	}, func(h driver.Header) bool { return h.Value == "" })
	for _, pair := range a.Metadata {
		headers = append(headers, driver.Header{Name: metadataPrefix + pair.Name, Value: pair.Value})
	}
	if a.StorageClass != "" {
		headers = append(headers, driver.Header{Name: classHeader, Value: a.StorageClass})
	}
	if len(a.Tags) > 0 {
		headers = append(headers, driver.Header{Name: tagsHeader, Value: formatTags(a.Tags)})
	}
	return headers
}

// attributesOf reads what headersOf wrote.
func attributesOf(fields http.Header) driver.Attributes {
	a := driver.Attributes{
		ContentType:        fields.Get("Content-Type"),
		ContentEncoding:    fields.Get("Content-Encoding"),
		ContentLanguage:    fields.Get("Content-Language"),
		ContentDisposition: fields.Get("Content-Disposition"),
		CacheControl:       fields.Get("Cache-Control"),
		Expires:            fields.Get("Expires"),
		StorageClass:       fields.Get(classHeader),
		Tags:               parseTags(fields.Get(tagsHeader)),
	}
	for name, values := range fields {
		if short, found := strings.CutPrefix(strings.ToLower(name), metadataPrefix); found {
			a.Metadata = append(a.Metadata, driver.Metadata{Name: short, Value: values[0]})
		}
	}
	slices.SortFunc(a.Metadata, func(x, y driver.Metadata) int { return cmp.Compare(x.Name, y.Name) })
	return a
}

func metadataBytes(a driver.Attributes) int {
	total := 0
	for _, pair := range a.Metadata {
		total += len(pair.Name) + len(pair.Value)
	}
	return total
}

// checkAttributes says why attributes cannot travel as headers unchanged, or
// returns "".
func checkAttributes(a driver.Attributes) string {
	for _, header := range headersOf(a) {
		if header.Value != strings.Trim(header.Value, " \t") {
			return fmt.Sprintf("header %s begins or ends with a blank", header.Name)
		}
		if strings.ContainsFunc(header.Value, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
			return fmt.Sprintf("header %s contains a control character", header.Name)
		}
	}
	for i, pair := range a.Metadata {
		if pair.Name == "" || strings.Trim(pair.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return fmt.Sprintf("metadata name %q must consist of a-z, 0-9, %q, %q and %q", pair.Name, "-", "_", ".")
		}
		if i > 0 && a.Metadata[i-1].Name >= pair.Name {
			return fmt.Sprintf("metadata name %q is out of order or twice there", pair.Name)
		}
	}
	if total := metadataBytes(a); total > maxMetadata {
		return fmt.Sprintf("user metadata has %d bytes, the store takes %d", total, maxMetadata)
	}
	if len(a.Tags) > maxTags {
		return fmt.Sprintf("the object has %d tags, the store takes %d", len(a.Tags), maxTags)
	}
	if !knownClass(a.StorageClass) {
		return fmt.Sprintf("the store has no storage class %q", a.StorageClass)
	}
	return ""
}

func wireChecksum(c driver.Checksum) string {
	return base64.StdEncoding.EncodeToString([]byte(c.Value))
}

// announcedChecksum reads the checksum that a request claims for its bytes; the
// zero value when it claims none.
func announcedChecksum(fields http.Header) (driver.Checksum, error) {
	text := fields.Get(checksumHeader)
	if text == "" {
		return driver.Checksum{}, nil
	}
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) != driver.AlgorithmCRC64NVME.Size() {
		return driver.Checksum{}, &failure{400, "InvalidDigest", checksumHeader + " must be the base64 of eight bytes"}
	}
	return driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: string(value)}, nil
}

// The forms in which a write is answered.
const (
	repliesHeader = "header" // facts in headers, errors in JSON
	repliesJSON   = "json"   // facts and errors in a JSON body
	repliesXML    = "xml"    // facts and errors in an XML body
)

// storedBody is the body of a successful write.
type storedBody struct {
	XMLName  xml.Name `json:"-" xml:"Stored"`
	ETag     string   `json:"etag" xml:"ETag"`
	Checksum string   `json:"checksum" xml:"Checksum"`
}

// writeStored answers a successful write with ETag and checksum.
func writeStored(w http.ResponseWriter, replies, etag string, checksum driver.Checksum) error {
	facts := storedBody{ETag: `"` + etag + `"`, Checksum: wireChecksum(checksum)}
	var body []byte
	var err error
	switch replies {
	case repliesJSON:
		w.Header().Set("Content-Type", "application/json")
		body, err = json.Marshal(facts)
	case repliesXML:
		w.Header().Set("Content-Type", "application/xml")
		body, err = xml.Marshal(facts)
	default:
		w.Header().Set("Etag", facts.ETag)
		w.Header().Set(checksumHeader, facts.Checksum)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the client is gone when this fails
	return nil
}
