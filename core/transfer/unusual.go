package transfer

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unusualness is one way in which stores, and proxies on the way to them, are known to
// take a key for another one.
type unusualness struct {
	name  string // what a key of this kind has, for people
	sign  string // what makes a key one of this kind: begun with, or appended to a plain one
	lead  bool   // the sign is at the beginning
	empty bool   // the object has no bytes
	fold  func(key string) string
}

// odd returns a key of this kind below a plain one.
func (u unusualness) odd(base string) string {
	if !u.lead {
		return base + "/" + u.sign
	}
	if strings.HasPrefix(base, u.sign) {
		return base
	}
	return u.sign + base
}

// longestPlain is the longest segment that file systems take.
const longestPlain = 255

// signs are the kinds of keys that contain a text.
var signs = []struct{ text, plain, name string }{
	{`\`, "/", "a backslash"},
	{"+", " ", `a "+"`},
	{"?", "", `a "?"`},
	{"#", "", `a "#"`},
	{";", "", `a ";"`},
	{"\u2028", "", "a line separator"},
	{"\ufeff", "", "a byte order mark"},
}

// unusualnesses returns the ways in which a key, of an object of so many bytes, may be
// taken for another one. A plain key has none.
func unusualnesses(key string, size int64) []unusualness {
	var all []unusualness
	if strings.HasPrefix(key, "/") {
		all = append(all, unusualness{name: `a "/" at the beginning`, sign: "/", lead: true, fold: func(key string) string { return strings.TrimLeft(key, "/") }})
	}
	if strings.Contains(strings.TrimLeft(key, "/"), "//") || strings.HasPrefix(key, "//") {
		all = append(all, unusualness{name: `an empty segment ("//")`, sign: "a//b", fold: withoutEmpty})
	}
	if strings.HasSuffix(key, "/") {
		kind := unusualness{name: `a "/" at the end`, sign: "a/", fold: func(key string) string { return strings.TrimRight(key, "/") }}
		if kind.empty = size == 0; kind.empty {
			kind.name += ", without content"
		}
		all = append(all, kind)
	}
	all = append(all, ofSegments(key)...)
	all = append(all, ofCharacters(key)...)
	for _, sign := range signs {
		if strings.Contains(key, sign.text) {
			all = append(all, unusualness{name: sign.name, sign: "a" + sign.text + "b", fold: func(key string) string { return strings.ReplaceAll(key, sign.text, sign.plain) }})
		}
	}
	return all
}

func withoutEmpty(key string) string {
	for strings.Contains(key, "//") {
		key = strings.ReplaceAll(key, "//", "/")
	}
	return key
}

// ofSegments returns what is unusual between slashes.
func ofSegments(key string) []unusualness {
	var all []unusualness
	add := func(kind unusualness) {
		if !slices.ContainsFunc(all, func(known unusualness) bool { return known.name == kind.name }) {
			all = append(all, kind)
		}
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == ".":
			add(unusualness{name: `the segment "."`, sign: "a/./b", fold: path.Clean})
		case segment == "..":
			add(unusualness{name: `the segment ".."`, sign: "a/../b", fold: path.Clean})
		case strings.HasSuffix(segment, "."):
			add(unusualness{name: "a segment that ends with a dot", sign: "a.", fold: trimmed(".")})
		}
		if segment != strings.TrimSpace(segment) {
			add(unusualness{name: "a segment that begins or ends with a blank", sign: " a ", fold: trimmed(" ")})
		}
		if len(segment) > longestPlain {
			long := strings.Repeat("a", len(segment))
			add(unusualness{name: fmt.Sprintf("a segment of %d bytes", len(segment)), sign: long, fold: func(key string) string {
				return strings.Replace(key, long, long[:longestPlain], 1)
			}})
		}
	}
	return all
}

// trimmed returns what removes characters from both ends of the last segment.
func trimmed(cut string) func(string) string {
	return func(key string) string {
		parent, name := path.Split(key)
		return parent + strings.Trim(name, cut)
	}
}

// ofCharacters returns what is unusual of single characters.
func ofCharacters(key string) []unusualness {
	var all []unusualness
	if !utf8.ValidString(key) {
		all = append(all, unusualness{name: "bytes that are not UTF-8", sign: "a\xffb", fold: func(key string) string { return strings.ToValidUTF8(key, "\ufffd") }})
	}
	var control []rune
	upper, composed, combining, escaped := false, false, false, false
	for i, r := range key {
		switch {
		case (r < 0x20 || r >= 0x7f && r < 0xa0) && !slices.Contains(control, r):
			control = append(control, r)
		case unicode.Is(unicode.Mn, r):
			combining = true
		case r >= 0xc0 && unicode.IsLetter(r) && !unicode.Is(unicode.Han, r):
			composed = true
		case r == '%':
			escaped = escaped || isEscape(key[i:])
		}
		upper = upper || unicode.IsUpper(r)
	}
	for _, r := range control {
		text := string(r)
		all = append(all, unusualness{name: fmt.Sprintf("the control character %U", r), sign: "a" + text + "b", fold: func(key string) string { return strings.ReplaceAll(key, text, "") }})
	}
	if escaped {
		all = append(all, unusualness{name: `an escape ("%2F")`, sign: "a%2Fb", fold: func(key string) string { return strings.ReplaceAll(key, "%2F", "/") }})
	}
	if upper {
		all = append(all, unusualness{name: "an upper-case letter", sign: "aB", fold: strings.ToLower})
	}
	if composed {
		all = append(all, composition("a letter that Unicode can take apart", "\u00e9", "e\u0301"))
	}
	if combining {
		all = append(all, composition("an accent as a character of its own", "e\u0301", "\u00e9"))
	}
	return all
}

// composition is of stores, such as those on file systems, that write one form of Unicode
// in another (https://www.unicode.org/reports/tr15/).
func composition(name, from, to string) unusualness {
	return unusualness{name: name, sign: "a" + from, fold: func(key string) string { return strings.ReplaceAll(key, from, to) }}
}

// isEscape says whether a text begins with an escape of URLs.
func isEscape(text string) bool {
	isHex := func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
	return len(text) > 2 && isHex(text[1]) && isHex(text[2])
}

// unusual says whether stores are known to fold, refuse or rename such a key, so that it is
// looked up after it was written.
func unusual(key string) bool {
	if !utf8.ValidString(key) || strings.Contains(key, `\`) ||
		strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return true
	}
	for _, segment := range strings.Split(key, "/") {
		if segment == "" || segment == "." || segment == ".." || len(segment) > 255 {
			return true
		}
	}
	return false
}
