package control

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestAttributesComeBack(t *testing.T) {
	t.Parallel()
	keeps := AttributeHeaders{Prefix: "x-xyz-meta-", HeaderUTF8: true}
	given := driver.Attributes{
		ContentType: "text/plain", ContentEncoding: "gzip", ContentLanguage: "de", ContentDisposition: `inline; filename="ä"`,
		CacheControl: "no-cache", Expires: "0", Metadata: []driver.Metadata{{Name: "Owner", Value: "日本"}, {Name: "empty", Value: ""}},
	}
	headers, err := keeps.Headers(given)
	if err != nil {
		t.Fatal(err)
	}
	want := []driver.Header{
		{Name: "cache-control", Value: "no-cache"}, {Name: "content-disposition", Value: `inline; filename="ä"`},
		{Name: "content-encoding", Value: "gzip"}, {Name: "content-language", Value: "de"}, {Name: "content-type", Value: "text/plain"},
		{Name: "expires", Value: "0"}, {Name: "x-xyz-meta-owner", Value: "日本"}, {Name: "x-xyz-meta-empty", Value: ""},
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	answer := http.Header{"Etag": {`W/"e-2"`}, "Content-Length": {"12"}, "Last-Modified": {"Mon, 23 Nov 2026 07:31:47 GMT"}, "X-Other-Meta-A": {"1"}}
	for _, field := range headers {
		answer.Set(field.Name, field.Value)
	}
	given.Metadata = []driver.Metadata{{Name: "empty", Value: ""}, {Name: "owner", Value: "日本"}} // by name, in lower case
	object := driver.Object{Key: "k", Size: 12, ETag: "W/e-2", Modified: time.Date(2026, 11, 23, 7, 31, 47, 0, time.UTC), Attributes: given}
	if diff := cmp.Diff(object, keeps.Object("k", answer)); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

// TestListsInManyLines: an answer may tell a list in many lines (RFC 9110, section 5.3).
func TestListsInManyLines(t *testing.T) {
	t.Parallel()
	answer := http.Header{
		"Cache-Control": {"no-cache", "max-age=60"}, "Content-Encoding": {"br", "gzip"}, "Content-Language": {"de", "en"},
	}
	want := driver.Attributes{CacheControl: "no-cache, max-age=60", ContentEncoding: "br, gzip", ContentLanguage: "de, en"}
	if diff := cmp.Diff(want, AttributeHeaders{Prefix: "x-xyz-meta-"}.Object("k", answer).Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAttributesThatWouldBeSpoilt proves that nothing is dropped in silence: the error
// names what cannot be stored and why.
func TestAttributesThatWouldBeSpoilt(t *testing.T) {
	t.Parallel()
	pair := func(name, value string) driver.Attributes {
		return driver.Attributes{Metadata: []driver.Metadata{{Name: name, Value: value}}}
	}
	rules := func(rules driver.MetadataRules) AttributeHeaders { return AttributeHeaders{Rules: rules} }
	cases := map[string]struct {
		keeps      AttributeHeaders
		attributes driver.Attributes
		want       string // empty where it is kept
	}{
		"beyond ASCII":         {rules(driver.MetadataRules{VisibleASCII: true}), pair("owner", "ä"), `metadata "owner" cannot be stored: its value is not US-ASCII`},
		"beyond ASCII kept":    {AttributeHeaders{}, pair("owner", "ä"), ""},
		"not UTF-8":            {AttributeHeaders{}, pair("owner", "\xff"), "not UTF-8"},
		"new line":             {AttributeHeaders{}, pair("owner", "a\r\nx: y"), "control character"},
		"space at the end":     {AttributeHeaders{}, pair("owner", "a "), "space"},
		"name with a space":    {AttributeHeaders{}, pair("the owner", "a"), `metadata "the owner" cannot be stored: its name is no HTTP header name`},
		"name with a new line": {AttributeHeaders{}, pair("a\nb", "a"), "its name is no HTTP header name"},
		"empty name":           {AttributeHeaders{}, pair("", "a"), `metadata ""`},
		"name's characters":    {rules(driver.MetadataRules{NameChars: "abc-"}), pair("a_b", "a"), "characters that this store does not take"},
		"name in other case":   {rules(driver.MetadataRules{NameChars: "abc-"}), pair("A-B", "a"), ""},
		"longest name":         {rules(driver.MetadataRules{MaxName: 3}), pair("abc", "a"), ""},
		"long name":            {rules(driver.MetadataRules{MaxName: 3}), pair("abcd", "a"), "longer than 3 bytes"},
		"longest value":        {rules(driver.MetadataRules{MaxValue: 3}), pair("a", "abc"), ""},
		"long value":           {rules(driver.MetadataRules{MaxValue: 3}), pair("a", "abcd"), "longer than 3 bytes"},
		"lost header":          {rules(driver.MetadataRules{LostHeaders: []string{"content-language"}}), driver.Attributes{ContentLanguage: "de"}, "content-language header cannot be stored: this store does not keep it"},
		"header beyond ASCII":  {AttributeHeaders{}, driver.Attributes{ContentDisposition: "ä"}, "content-disposition"},
		"Expires is no date":   {AttributeHeaders{ExpiresDate: true}, driver.Attributes{Expires: "0"}, "expires"},
		"Expires rewritten":    {AttributeHeaders{ExpiresDate: true}, driver.Attributes{Expires: "Wed, 21 Oct 2035 07:28:00 GMT"}, "expires"}, // a Sunday
		"Expires is a date":    {AttributeHeaders{ExpiresDate: true}, driver.Attributes{Expires: "Sun, 21 Oct 2035 07:28:00 GMT"}, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.keeps.Headers(test.attributes)
			if test.want == "" {
				if err != nil {
					t.Errorf("Headers = %v, want them kept", err)
				}
				return
			}
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Headers = %v (%v), want invalid argument and %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"e"`: "e", `W/"e"`: "W/e", "e": "e", "": "", `"W/e"`: "W/e"} {
		if got := Unquote(text); got != want {
			t.Errorf("Unquote(%q) = %q, want %q", text, got, want)
		}
	}
}
