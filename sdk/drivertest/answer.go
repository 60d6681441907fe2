package drivertest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// Answer is what a store answered to an exchange.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	// What Reply.Capture told to read.
	ETag         string
	VersionID    string
	StorageClass string
	Checksums    []driver.Checksum

	Attributes driver.Attributes // of a GET, from its headers
	Overridden bool              // Attributes are not the object's own: see Reply.Overridden
	RequestID  string
}

// read fills the answer's facts, or returns the store's error.
func read(answer *Answer, exchange driver.Exchange) error {
	reply := exchange.Reply
	for _, name := range reply.RequestID {
		if answer.RequestID = answer.Header.Get(name); answer.RequestID != "" {
			break
		}
	}
	if !slices.Contains(reply.Accept, answer.Status) {
		return refusal(*answer, exchange)
	}
	composite := false
	for _, capture := range reply.Capture {
		value := find(*answer, capture.Source, capture.Name)
		if value == "" {
			continue
		}
		switch capture.Field {
		case driver.FieldETag:
			answer.ETag = strings.ReplaceAll(value, `"`, "")
		case driver.FieldVersionID:
			answer.VersionID = value
		case driver.FieldStorageClass:
			answer.StorageClass = value
		case driver.FieldChecksumType:
			composite = value == "COMPOSITE"
		case driver.FieldChecksum:
			raw, err := decode(value, capture.Encoding)
			if err != nil {
				return &driver.Error{Op: exchange.Method, Kind: driver.KindFatal,
					Message: fmt.Sprintf("captured %s %q: %v", capture.Algorithm, value, err)}
			}
			answer.Checksums = append(answer.Checksums, driver.Checksum{Algorithm: capture.Algorithm, Value: raw})
		}
	}
	for i := range answer.Checksums {
		answer.Checksums[i].Composite = composite
	}
	answer.Attributes = attributes(answer.Header, reply.MetadataPrefix)
	answer.Overridden = reply.Overridden != "" && answer.Header.Get(reply.Overridden) != ""
	return nil
}

// refusal makes an error of an answer that the exchange does not accept.
func refusal(answer Answer, exchange driver.Exchange) error {
	how := exchange.Reply.Error
	e := &driver.Error{
		Op: exchange.Method, Status: answer.Status, RequestID: answer.RequestID,
		Code:    find(answer, how.Source, how.Code),
		Message: find(answer, how.Source, how.Message),
	}
	e.Kind = driver.Classify(how.Rules, answer.Status, e.Code, e.Message)
	return e
}

func attributes(header http.Header, prefix string) driver.Attributes {
	a := driver.Attributes{
		ContentType:        header.Get("Content-Type"),
		ContentEncoding:    strings.Join(header.Values("Content-Encoding"), ", "),
		ContentLanguage:    strings.Join(header.Values("Content-Language"), ", "),
		ContentDisposition: header.Get("Content-Disposition"),
		CacheControl:       strings.Join(header.Values("Cache-Control"), ", "),
		Expires:            header.Get("Expires"),
	}
	for name, values := range header {
		if short, found := strings.CutPrefix(strings.ToLower(name), prefix); prefix != "" && found {
			a.Metadata = append(a.Metadata, driver.Metadata{Name: short, Value: strings.Join(values, ",")})
		}
	}
	slices.SortFunc(a.Metadata, func(x, y driver.Metadata) int { return cmp.Compare(x.Name, y.Name) })
	return a
}

// find reads one value from a header or a body; empty where it is not there.
func find(answer Answer, source driver.Source, name string) string {
	switch source {
	case driver.SourceHeader:
		return answer.Header.Get(name)
	case driver.SourceXML:
		return findXML(answer.Body, strings.Split(name, "/"))
	case driver.SourceJSON:
		return findJSON(answer.Body, strings.Split(name, "/"))
	}
	return ""
}

func findXML(body []byte, path []string) string {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var open []string
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			text.Reset()
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if slices.Equal(open[1:], path) {
				return text.String()
			}
			open = open[:len(open)-1]
			text.Reset()
		}
	}
}

func findJSON(body []byte, path []string) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return ""
	}
	for _, name := range path {
		members, isObject := value.(map[string]any)
		if !isObject {
			return ""
		}
		value = members[name]
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// decode returns a checksum's raw bytes. Composite values end with "-COUNT".
func decode(value string, encoding driver.Encoding) (string, error) {
	switch encoding {
	case driver.EncodingBase64:
		value, _, _ = strings.Cut(value, "-")
		raw, err := base64.StdEncoding.DecodeString(value)
		return string(raw), err
	case driver.EncodingBase64URL:
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.Trim(value, `"`), "=")) // an ETag has quotes
		return string(raw), err
	case driver.EncodingHex:
		raw, err := hex.DecodeString(value)
		return string(raw), err
	case driver.EncodingDecimal:
		number, err := strconv.ParseUint(value, 10, 64)
		return string(binary.BigEndian.AppendUint64(nil, number)), err
	}
	return value, nil
}
