package control

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dth-dev/dth/sdk/driver"
)

// AttributeHeaders says how a store keeps an object's attributes in headers.
type AttributeHeaders struct {
	Prefix string               // of user metadata, lower case: "x-amz-meta-"
	Rules  driver.MetadataRules // as Session tells them; VisibleASCII is about metadata alone
	// NotCarried names the headers of the object model that no attribute has, as
	// driver.Reply.NotCarried does.
	NotCarried []string
	// HeaderUTF8 says that content headers hold UTF-8 beyond US-ASCII.
	HeaderUTF8 bool
	// ExpiresDate says that an Expires header that is not a date of HTTP's own form is
	// dropped or rewritten.
	ExpiresDate bool
}

// Headers returns the headers that store the attributes, names in lower case: content
// headers and metadata; classes and tags are each vendor's own. What the store would
// refuse or spoil is an error of KindInvalidArgument that names it: nothing is dropped
// in silence.
func (a AttributeHeaders) Headers(attributes driver.Attributes) ([]driver.Header, error) {
	header := make([]driver.Header, 0, 8+len(attributes.Metadata)) // room for what a signature adds
	for _, field := range [...]driver.Header{
		{Name: "cache-control", Value: attributes.CacheControl},
		{Name: "content-disposition", Value: attributes.ContentDisposition},
		{Name: "content-encoding", Value: attributes.ContentEncoding},
		{Name: "content-language", Value: attributes.ContentLanguage},
		{Name: "content-type", Value: attributes.ContentType},
		{Name: "expires", Value: attributes.Expires},
	} {
		if field.Value == "" {
			continue
		}
		if problem := a.fieldProblem(field); problem != "" {
			return nil, Invalid("the object's %s header cannot be stored: %s", field.Name, problem)
		}
		header = append(header, field)
	}
	for _, pair := range attributes.Metadata {
		if problem := a.pairProblem(pair); problem != "" {
			return nil, Invalid("metadata %q cannot be stored: %s", pair.Name, problem)
		}
		header = append(header, driver.Header{Name: a.Prefix + strings.ToLower(pair.Name), Value: pair.Value})
	}
	return header, nil
}

func (a AttributeHeaders) fieldProblem(field driver.Header) string {
	switch {
	case slices.Contains(a.Rules.LostHeaders, field.Name):
		return "this store does not keep it"
	case field.Name == "expires" && a.ExpiresDate && !httpDate(field.Value):
		return "it is no HTTP date, which is all that this store keeps"
	}
	return valueProblem(field.Value, a.HeaderUTF8)
}

func (a AttributeHeaders) pairProblem(pair driver.Metadata) string {
	rules := a.Rules
	switch {
	case !token(pair.Name):
		return "its name is no HTTP header name"
	case rules.NameChars != "" && strings.Trim(strings.ToLower(pair.Name), strings.ToLower(rules.NameChars)) != "":
		return "its name holds characters that this store does not take"
	case rules.MaxName > 0 && len(pair.Name) > rules.MaxName:
		return "its name is longer than " + strconv.Itoa(rules.MaxName) + " bytes"
	case rules.MaxValue > 0 && len(pair.Value) > rules.MaxValue:
		return "its value is longer than " + strconv.Itoa(rules.MaxValue) + " bytes"
	}
	return valueProblem(pair.Value, !rules.VisibleASCII)
}

// valueProblem says why a value would not come back as it was sent.
func valueProblem(value string, beyondASCII bool) string {
	for i := range len(value) {
		switch c := value[i]; {
		case c < 0x20 || c == 0x7f:
			return "its value holds a control character"
		case c >= 0x80 && !beyondASCII:
			return "its value is not US-ASCII, which is all that this store keeps"
		}
	}
	switch {
	case !utf8.ValidString(value):
		return "its value is not UTF-8"
	case strings.Trim(value, " ") != value:
		return "its value begins or ends with a space"
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

// Object reads what the headers of a HEAD say in HTTP's own words: size, ETag, date
// and attributes. Version, class and checksums are each vendor's own.
func (a AttributeHeaders) Object(key string, header http.Header) driver.Object {
	object := driver.Object{
		Key:  key,
		ETag: Unquote(header.Get("Etag")),
		Attributes: driver.Attributes{
			ContentType:        header.Get("Content-Type"),
			ContentEncoding:    strings.Join(header.Values("Content-Encoding"), ", "),
			ContentLanguage:    strings.Join(header.Values("Content-Language"), ", "),
			ContentDisposition: header.Get("Content-Disposition"),
			CacheControl:       strings.Join(header.Values("Cache-Control"), ", "),
			Expires:            header.Get("Expires"),
			Metadata:           a.metadata(header),
			NotCarried:         notCarried(a.NotCarried, header),
		},
	}
	object.Size, _ = strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if modified, err := http.ParseTime(header.Get("Last-Modified")); err == nil {
		object.Modified = modified.UTC()
	}
	return object
}

func (a AttributeHeaders) metadata(header http.Header) []driver.Metadata {
	var metadata []driver.Metadata
	for name, values := range header {
		if bare, ours := strings.CutPrefix(strings.ToLower(name), a.Prefix); ours {
			metadata = append(metadata, driver.Metadata{Name: bare, Value: strings.Join(values, ",")})
		}
	}
	slices.SortFunc(metadata, func(a, b driver.Metadata) int { return strings.Compare(a.Name, b.Name) })
	return metadata
}

// Unquote takes the quotes off an ETag and leaves a weak one its mark.
func Unquote(etag string) string {
	if weak, ok := strings.CutPrefix(etag, `W/"`); ok {
		return "W/" + strings.Trim(weak, `"`)
	}
	return strings.Trim(etag, `"`)
}
