package s3driver

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// This file reads listing pages. encoding/xml spends ten times as long on a key,
// and a listing of ten million keys is common.

var (
	errNoListing = errors.New("the document is no ListBucketResult")
	errCutXML    = errors.New("the document ends early or is no XML")
	errNoEntry   = errors.New("an entry of the listing has no key or no size")
)

// parse reads one page of a listing and compares it with what was asked for. Where listings
// tell of restored copies, an object of another class than the default without one is noted
// as frozen, whatever the class.
func (l Listing) parse(document []byte, asked control.Asked) (driver.ListPage, error) {
	reader := xmlReader{rest: document}
	root, err := reader.open()
	if err != nil || string(root) != "ListBucketResult" {
		return driver.ListPage{}, errNoListing
	}
	var page driver.ListPage
	head := pageHead{v1: l.V1}
	// Some stores say so at the end only. No key can hold it: "<" is escaped.
	encoded := bytes.Contains(document, []byte("<EncodingType>url</EncodingType>"))
	page.Objects = make([]driver.Object, 0, bytes.Count(document, []byte("<Contents")))
	for {
		name, err := reader.open()
		if err != nil {
			return driver.ListPage{}, err
		}
		if name == nil {
			break
		}
		if string(name) == "Contents" {
			object, restored, err := reader.contents(encoded)
			if err != nil {
				return driver.ListPage{}, err
			}
			object.Frozen = l.Restores && object.StorageClass != "" && !restored
			page.Objects = append(page.Objects, object)
			continue
		}
		head.read(&reader, string(name))
		if err := reader.close(); err != nil {
			return driver.ListPage{}, err
		}
	}
	if l.V1 {
		head.Next = ""
		if head.Truncated != nil && *head.Truncated == "true" {
			if head.Next, err = nextMarker(head.marker, encoded, page.Objects); err != nil {
				return driver.ListPage{}, err
			}
		}
	}
	page.Next = head.Next
	if err := head.Check(asked, len(page.Objects)); err != nil {
		return driver.ListPage{}, err
	}
	return page, nil
}

// pageHead is what a page says beside its objects.
type pageHead struct {
	control.Listed
	v1     bool
	marker string // NextMarker
}

// read reads one element, whose name was read.
func (h *pageHead) read(r *xmlReader, name string) {
	switch name {
	case "Name":
		h.Bucket = r.said()
	case "Prefix":
		h.Prefix = r.said()
	case "KeyCount":
		h.Count = r.said()
	case "IsTruncated":
		h.Truncated = r.said()
	case "NextContinuationToken":
		h.Next, _ = r.text()
	case "NextMarker":
		h.marker, _ = r.text()
	case "Delimiter":
		h.Delimiter, _ = r.text()
	case "CommonPrefixes":
		h.Grouped = h.Grouped || r.grouped()
	case "Marker", "ContinuationToken", "StartAfter":
		if h.v1 == (name == "Marker") { // the other version's was not sent
			h.Begins = append(h.Begins, *r.said())
		}
	}
}

// grouped says whether CommonPrefixes hold anything, and reads nothing.
func (r *xmlReader) grouped() bool {
	inside := *r
	name, err := inside.open()
	return err == nil && name != nil && len(inside.raw()) > 0
}

// nextMarker returns the key from which a listing of version 1 goes on. Amazon tells
// it in listings with a delimiter only. Source: Amazon S3 API reference, ListObjects,
// NextMarker.
func nextMarker(marker string, encoded bool, objects []driver.Object) (string, error) {
	if marker == "" && len(objects) > 0 {
		return objects[len(objects)-1].Key, nil
	}
	return decodeKey(marker, encoded)
}

// contents reads one object up to the end of its element, and whether it says
// that an archived object was restored.
func (r *xmlReader) contents(encoded bool) (object driver.Object, restored bool, err error) {
	sized := false
	for {
		name, err := r.open()
		if err == nil && name == nil && (object.Key == "" || !sized) {
			err = errNoEntry // the size would be taken for 0
		}
		if err != nil || name == nil {
			return object, restored, err
		}
		switch string(name) {
		case "RestoreStatus":
			if restored, err = r.restored(); err == nil {
				continue
			}
		case "Key":
			if object.Key, err = r.text(); err == nil {
				object.Key, err = decodeKey(object.Key, encoded)
			}
		case "Size":
			object.Size, err = strconv.ParseInt(string(r.raw()), 10, 64)
			sized = true
		case "ETag":
			object.ETag, err = r.etag()
		case "LastModified":
			object.Modified = listedTime(r.raw())
		case "StorageClass":
			if class := r.raw(); string(class) != "STANDARD" {
				object.StorageClass = string(class)
			}
		}
		if err == nil {
			err = r.close()
		}
		if err != nil {
			return object, false, err
		}
	}
}

// restored reads a RestoreStatus up to its end, and says whether it names a day until which
// the object can be read.
func (r *xmlReader) restored() (restored bool, err error) {
	for {
		name, err := r.open()
		if err != nil || name == nil {
			return restored, err
		}
		if string(name) == "RestoreExpiryDate" {
			restored = len(r.raw()) > 0
		}
		if err := r.close(); err != nil {
			return false, err
		}
	}
}

// etag reads an ETag without its quotes, which stores write in three ways.
func (r *xmlReader) etag() (string, error) {
	raw := r.raw()
	for _, quote := range []string{`&quot;`, `&#34;`, `"`} {
		if inner, found := bytes.CutPrefix(raw, []byte(quote)); found {
			raw = bytes.TrimSuffix(inner, []byte(quote))
			break
		}
	}
	text, err := unescapeXML(raw)
	return control.Unquote(text), err
}

// xmlReader walks over XML as S3 writes it: elements, text and entities. It
// passes over declarations, comments and attributes.
type xmlReader struct {
	rest  []byte
	empty bool // the open element was "<NAME/>"
}

// open returns the name of the next child, or nil at the end of the element that
// is open, which it closes.
func (r *xmlReader) open() ([]byte, error) {
	if r.empty {
		r.empty = false
		return nil, nil
	}
	for {
		begin := bytes.IndexByte(r.rest, '<')
		if begin < 0 || begin+1 >= len(r.rest) {
			return nil, errCutXML
		}
		r.rest = r.rest[begin:]
		switch r.rest[1] {
		case '?', '!':
			if err := r.skipDeclaration(); err != nil {
				return nil, err
			}
		case '/':
			end := bytes.IndexByte(r.rest, '>')
			if end < 0 {
				return nil, errCutXML
			}
			r.rest = r.rest[end+1:]
			return nil, nil
		default:
			return r.tag()
		}
	}
}

// skipDeclaration passes over "<?…?>", "<!--…-->" and "<!…>".
func (r *xmlReader) skipDeclaration() error {
	switch {
	case r.rest[1] == '?':
		return r.skipPast("?>")
	case bytes.HasPrefix(r.rest, []byte("<!--")):
		return r.skipPast("-->")
	}
	return r.skipPast(">")
}

// tag reads "<NAME …>" or "<NAME/>".
func (r *xmlReader) tag() ([]byte, error) {
	end := bytes.IndexByte(r.rest, '>')
	if end < 2 {
		return nil, errCutXML
	}
	tag := r.rest[1:end]
	r.rest = r.rest[end+1:]
	r.empty = tag[len(tag)-1] == '/'
	for i, c := range tag {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/' {
			return tag[:i], nil
		}
	}
	return tag, nil
}

// raw returns the text up to the next tag as it stands.
func (r *xmlReader) raw() []byte {
	if r.empty {
		return nil
	}
	end := max(bytes.IndexByte(r.rest, '<'), 0) // without a tag the next open fails
	text := r.rest[:end]
	r.rest = r.rest[end:]
	return text
}

// text returns the text up to the next tag, with entities replaced.
func (r *xmlReader) text() (string, error) { return unescapeXML(r.raw()) }

// said is text for what the page may leave out. What is no XML ends the page later.
func (r *xmlReader) said() *string {
	text, _ := r.text()
	return &text
}

// close passes over what is left of the open element, children and all.
func (r *xmlReader) close() error {
	for depth := 0; ; {
		name, err := r.open()
		if err != nil {
			return err
		}
		if name != nil {
			depth++
		} else if depth--; depth < 0 {
			return nil
		}
	}
}

func (r *xmlReader) skipPast(mark string) error {
	at := bytes.Index(r.rest, []byte(mark))
	if at < 0 {
		return errCutXML
	}
	r.rest = r.rest[at+len(mark):]
	return nil
}

var xmlEntities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// unescapeXML replaces entities, and line ends as XML 1.0 section 2.11 wants it.
func unescapeXML(text []byte) (string, error) {
	if bytes.IndexByte(text, '&') < 0 && bytes.IndexByte(text, '\r') < 0 {
		return string(text), nil
	}
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		switch text[0] {
		case '\r':
			out = append(out, '\n')
			text = bytes.TrimPrefix(text[1:], []byte("\n"))
		case '&':
			end := bytes.IndexByte(text, ';')
			if end < 0 {
				return "", errCutXML
			}
			replacement, err := entity(string(text[1:end]))
			if err != nil {
				return "", err
			}
			out = append(out, replacement...)
			text = text[end+1:]
		default:
			out = append(out, text[0])
			text = text[1:]
		}
	}
	return string(out), nil
}

func entity(name string) (string, error) {
	if replacement, known := xmlEntities[name]; known {
		return replacement, nil
	}
	if len(name) > 1 && name[0] == '#' {
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if code, err := strconv.ParseUint(digits, base, 21); err == nil {
			return string(rune(code)), nil
		}
	}
	return "", fmt.Errorf("unknown XML entity %q", name)
}

// listedTime reads the time of a listing.
func listedTime(text []byte) time.Time {
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
