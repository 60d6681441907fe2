package memdriver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// unframe takes the object's bytes and the fields that describe them out of a
// request body.
func unframe(r *http.Request, query url.Values, body []byte) ([]byte, http.Header, error) {
	if form := query.Get("mem-form"); form != "" {
		return unframeForm(r.Header.Get("Content-Type"), form, body)
	}
	if r.Header.Get(lengthHeader) != "" {
		return unframeTrailer(r.Header, body)
	}
	return body, r.Header, nil
}

// formSeal is what a signature says about the frame of a form post: the lengths
// of prefix and suffix, and a hash of both.
func formSeal(prefix, suffix []byte) string {
	hash := sha256.New()
	hash.Write(prefix)
	hash.Write(suffix)
	return fmt.Sprintf("%d.%d.%s", len(prefix), len(suffix), hex.EncodeToString(hash.Sum(nil)))
}

// unframeForm reads a form post whose frame is the one that was sealed.
func unframeForm(contentType, seal string, body []byte) ([]byte, http.Header, error) {
	var before, after int
	malformed := &failure{400, "MalformedForm", "the form is not the one that was signed"}
	if _, err := fmt.Sscanf(seal, "%d.%d.", &before, &after); err != nil || before < 0 || after < 0 || before+after > len(body) {
		return nil, nil, malformed
	}
	prefix, data, suffix := body[:before], body[before:len(body)-after], body[len(body)-after:]
	if formSeal(prefix, suffix) != seal {
		return nil, nil, malformed
	}
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, nil, malformed
	}
	// The object's bytes are left out: they could hold anything, even a boundary.
	frame := bytes.NewReader(bytes.Join([][]byte{prefix, suffix}, nil))
	form, err := multipart.NewReader(frame, parameters["boundary"]).ReadForm(1 << 20)
	if err != nil {
		return nil, nil, malformed
	}
	fields := http.Header{}
	for name, values := range form.Value {
		fields.Set(name, values[0])
	}
	return data, fields, nil
}

// unframeTrailer reads an aws-chunked body and verifies its trailing checksum.
func unframeTrailer(header http.Header, body []byte) ([]byte, http.Header, error) {
	malformed := &failure{400, "IncompleteBody", "the aws-chunked body is malformed"}
	var data []byte
	for {
		line, rest, found := bytes.Cut(body, []byte("\r\n"))
		size, err := strconv.ParseUint(string(line), 16, 40)
		if !found || err != nil {
			return nil, nil, malformed
		}
		body = rest
		if size == 0 {
			break
		}
		if uint64(len(body)) < size+2 || string(body[size:size+2]) != "\r\n" {
			return nil, nil, malformed
		}
		data, body = append(data, body[:size]...), body[size+2:]
	}
	name, value, found := strings.Cut(strings.TrimSuffix(string(body), "\r\n\r\n"), ":")
	if !found || name != checksumHeader || !bytes.HasSuffix(body, []byte("\r\n\r\n")) {
		return nil, nil, malformed
	}
	if strconv.Itoa(len(data)) != header.Get(lengthHeader) {
		return nil, nil, &failure{403, "LengthMismatch", "the object is not as long as was signed"}
	}
	announced, err := announcedChecksum(http.Header{http.CanonicalHeaderKey(checksumHeader): {value}})
	if err != nil {
		return nil, nil, err
	}
	return data, header, matchChecksum(announced, crc64(data))
}

// newForm returns the frame of a form post with the fields in it.
func newForm(fields []driver.Header) (contentType string, framing driver.Framing, err error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	for _, field := range fields {
		if err := form.WriteField(field.Name, field.Value); err != nil {
			return "", driver.Framing{}, err
		}
	}
	if _, err := form.CreateFormFile("file", "object"); err != nil {
		return "", driver.Framing{}, err
	}
	before := frame.Len()
	if err := form.Close(); err != nil {
		return "", driver.Framing{}, err
	}
	return form.FormDataContentType(), driver.Framing{
		Kind:   driver.FramingForm,
		Prefix: bytes.Clone(frame.Bytes()[:before]),
		Suffix: bytes.Clone(frame.Bytes()[before:]),
	}, nil
}
