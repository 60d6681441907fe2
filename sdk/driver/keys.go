package driver

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Violation says in a few words why the store cannot hold the key under its own
// name, or returns "" when it can as far as one key tells. NoParentConflict
// depends on other keys and is not judged here.
func (r KeyRules) Violation(key string) string {
	if key == "" {
		return "the key is empty"
	}
	if r.MaxBytes > 0 && len(key) > r.MaxBytes {
		return fmt.Sprintf("the key has %d bytes, the store takes %d", len(key), r.MaxBytes)
	}
	if r.NoLeadingSlash && key[0] == '/' {
		return `the key begins with "/"`
	}
	if r.NoTrailingSlash && key[len(key)-1] == '/' {
		return `the key ends with "/"`
	}
	if r.NoControl && strings.ContainsFunc(key, isControl) {
		return "the key contains a control character"
	}
	if r.NoInvalidUTF8 && !utf8.ValidString(key) {
		return "the key is not UTF-8"
	}
	for _, text := range r.Forbidden {
		if strings.Contains(key, text) {
			return fmt.Sprintf("the key contains %q", text)
		}
	}
	return r.segmentViolation(key)
}

// segmentViolation judges what stands between slashes. A slash at either end of
// the key is judged by its own rule.
func (r KeyRules) segmentViolation(key string) string {
	if !r.NoEmptySegment && !r.NoDotSegment && r.MaxSegment == 0 {
		return ""
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(key, "/"), "/"), "/") {
		switch {
		case r.NoEmptySegment && segment == "":
			return `the key contains an empty segment ("//")`
		case r.NoDotSegment && (segment == "." || segment == ".."):
			return fmt.Sprintf("the key contains the segment %q", segment)
		case r.MaxSegment > 0 && len(segment) > r.MaxSegment:
			return fmt.Sprintf("a segment of the key has %d bytes, the store takes %d", len(segment), r.MaxSegment)
		}
	}
	return ""
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }
