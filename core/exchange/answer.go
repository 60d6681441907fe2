package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

// answerLimit bounds what is read of an error document or a JSON or XML result.
const answerLimit = 256 << 10

// read turns a response into an answer or an error.
func read(m *message, reply *driver.Reply, response *http.Response) (*Answer, error) {
	answer := &Answer{
		Status:    response.StatusCode,
		Header:    response.Header,
		Size:      response.ContentLength,
		Body:      response.Body,
		RequestID: requestID(reply, response.Header),
		reply:     reply,
	}
	if text := response.Header.Get("Last-Modified"); text != "" {
		answer.Modified, _ = http.ParseTime(text) // zero where it is none
	}
	if !slices.Contains(reply.Accept, response.StatusCode) {
		document, _ := io.ReadAll(io.LimitReader(response.Body, answerLimit)) // what arrived is all there is to tell
		return nil, answer.refusal(m.method, document)
	}
	document, err := answer.document(m.body != nil)
	if err != nil {
		return nil, &driver.Error{
			Op: m.method, Kind: driver.KindUnavailable, RequestID: answer.RequestID, Err: err,
			Message: fmt.Sprintf("the answer broke off: %v", err),
		}
	}
	answer.capture(document)
	if err := answer.check(m, document); err != nil {
		return nil, err
	}
	return answer, nil
}

func requestID(reply *driver.Reply, header http.Header) string {
	for _, name := range reply.RequestID {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// document reads the answer's own body where something in it matters: after a write, or
// where the reply captures from it.
func (a *Answer) document(written bool) ([]byte, error) {
	captured := slices.ContainsFunc(a.reply.Capture, func(c driver.Capture) bool { return c.Source != driver.SourceHeader })
	if a.Size == 0 || !written && !captured {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(a.Body, answerLimit))
}

// capture reads the fields that the reply names.
func (a *Answer) capture(document []byte) {
	composite := false
	for _, capture := range a.reply.Capture {
		value := a.Header.Get(capture.Name)
		if capture.Source != driver.SourceHeader {
			value = capture.Source.Find(document, capture.Name)
		}
		if value == "" {
			continue
		}
		switch capture.Field {
		case driver.FieldETag:
			a.ETag = unquote(value)
		case driver.FieldVersionID:
			a.VersionID = value
		case driver.FieldChecksumType:
			composite = strings.EqualFold(value, "COMPOSITE")
		case driver.FieldChecksum:
			if sum, ok := decodeChecksum(capture, value); ok {
				a.Checksums = append(a.Checksums, sum)
			}
		}
	}
	if composite {
		for i := range a.Checksums {
			a.Checksums[i].Composite = true
		}
	}
}

// unquote removes the quotes of an ETag and leaves a weak one its mark.
func unquote(etag string) string {
	if weak, ok := strings.CutPrefix(etag, "W/"); ok {
		return "W/" + strings.Trim(weak, `"`)
	}
	return strings.Trim(etag, `"`)
}

// decodeChecksum reads one checksum; a value of the parts ("…-N") is composite
// on every store that writes it so. One that is the ETag at once stands in quotes.
func decodeChecksum(capture driver.Capture, value string) (driver.Checksum, bool) {
	sum := driver.Checksum{Algorithm: capture.Algorithm}
	value = unquote(value)
	if capture.Encoding == driver.EncodingBase64 || capture.Encoding == driver.EncodingHex {
		value, _, sum.Composite = strings.Cut(value, "-")
	}
	var raw []byte
	var err error
	switch capture.Encoding {
	case driver.EncodingBase64:
		raw, err = base64.StdEncoding.DecodeString(value)
	case driver.EncodingBase64URL:
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
	case driver.EncodingHex:
		raw, err = hex.DecodeString(value)
	case driver.EncodingDecimal:
		var number uint64
		number, err = strconv.ParseUint(value, 10, 64)
		raw = binary.BigEndian.AppendUint64(nil, number)
	default:
		raw = []byte(value)
	}
	sum.Value = string(raw)
	sum.Composite = !checksum.OfBytes(sum)
	return sum, err == nil && len(raw) > 0
}

// FullChecksums returns the checksums of the whole object that a ranged answer
// does not carry: nil unless the status is 200.
func (a *Answer) FullChecksums() []driver.Checksum {
	if a.Status != http.StatusOK {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.Checksums), func(sum driver.Checksum) bool {
		return !checksum.OfBytes(sum) || !checksum.Computable(sum.Algorithm)
	})
}

// Overridden says that the store put content headers of its own into the answer:
// Attributes are then not the object's.
func (a *Answer) Overridden() bool {
	return a.reply.Overridden != "" && len(a.Header.Values(a.reply.Overridden)) > 0
}

// Attributes returns what the object carries beside its bytes, as the answer's
// headers say, and what of it no attribute holds.
func (a *Answer) Attributes() driver.Attributes {
	attributes := driver.Attributes{
		ContentType:        a.Header.Get("Content-Type"),
		ContentEncoding:    driver.WithoutChunked(strings.Join(a.Header.Values("Content-Encoding"), ", ")), // RFC 9110, section 5.3
		ContentLanguage:    strings.Join(a.Header.Values("Content-Language"), ", "),
		ContentDisposition: a.Header.Get("Content-Disposition"),
		CacheControl:       strings.Join(a.Header.Values("Cache-Control"), ", "),
		Expires:            a.Header.Get("Expires"),
	}
	for name, values := range a.Header {
		value := strings.Join(values, ",")
		if driver.IsNotCarried(a.reply.NotCarried, name, value) {
			attributes.NotCarried = append(attributes.NotCarried, strings.ToLower(name)+": "+value)
		}
		if prefix := len(a.reply.MetadataPrefix); prefix > 0 && len(name) >= prefix && strings.EqualFold(name[:prefix], a.reply.MetadataPrefix) {
			attributes.Metadata = append(attributes.Metadata, driver.Metadata{Name: strings.ToLower(name[prefix:]), Value: value})
		}
	}
	slices.Sort(attributes.NotCarried)
	slices.SortFunc(attributes.Metadata, func(x, y driver.Metadata) int { return strings.Compare(x.Name, y.Name) })
	return attributes
}
