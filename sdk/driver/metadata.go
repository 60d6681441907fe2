package driver

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Violation says in a few words why the store cannot hold the pair as it is, or
// returns "" when it can as far as one pair tells.
func (r MetadataRules) Violation(pair Metadata) string {
	if problem := r.NameViolation(pair.Name); problem != "" {
		return problem
	}
	return r.ValueViolation(pair.Value)
}

// NameViolation judges the name of a pair. What is no HTTP header name (RFC 9110
// section 5.6.2) is refused whatever the rules say.
func (r MetadataRules) NameViolation(name string) string {
	for i := range len(name) {
		if !r.TakesInName(name[i]) {
			return fmt.Sprintf("its name contains %q", name[i])
		}
	}
	switch {
	case name == "":
		return "its name is empty"
	case r.MaxName > 0 && len(name) > r.MaxName:
		return fmt.Sprintf("its name has %d bytes, the store takes %d", len(name), r.MaxName)
	}
	return ""
}

// TakesInName says whether a metadata name may contain the byte, whatever its case.
func (r MetadataRules) TakesInName(c byte) bool {
	if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
		return false
	}
	if r.NameChars == "" {
		return true
	}
	lower, upper := strings.ToLower(string(c)), strings.ToUpper(string(c))
	return strings.Contains(r.NameChars, lower) || strings.Contains(r.NameChars, upper)
}

// ValueViolation judges the value of a pair. What a header would not bring back
// unchanged is refused whatever the rules say: control characters, spaces at either end
// and what is not UTF-8.
func (r MetadataRules) ValueViolation(value string) string {
	for i := range len(value) {
		switch c := value[i]; {
		case c < 0x20 || c == 0x7f:
			return "its value contains a control character"
		case c >= 0x80 && r.VisibleASCII:
			return "its value is not US-ASCII"
		}
	}
	switch {
	case !utf8.ValidString(value):
		return "its value is not UTF-8"
	case strings.Trim(value, " ") != value:
		return "its value begins or ends with a space"
	case r.MaxValue > 0 && len(value) > r.MaxValue:
		return fmt.Sprintf("its value has %d bytes, the store takes %d", len(value), r.MaxValue)
	}
	return ""
}

// Loses says whether the store drops a content header, named in lower case.
func (r MetadataRules) Loses(header string) bool { return slices.Contains(r.LostHeaders, header) }

// MetadataSize returns the bytes of all names and values, as Limits.MaxMetadata counts
// them.
func (a Attributes) MetadataSize() int {
	total := 0
	for _, pair := range a.Metadata {
		total += len(pair.Name) + len(pair.Value)
	}
	return total
}

// Class returns the store's class of that name and whether there is one.
func (s Session) Class(name string) (StorageClass, bool) {
	i := slices.IndexFunc(s.StorageClasses, func(class StorageClass) bool { return class.Name == name })
	if i < 0 {
		return StorageClass{}, false
	}
	return s.StorageClasses[i], true
}
