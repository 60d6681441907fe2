package driver

import "strings"

// IsNotCarried says whether a header of an answer is one of the names, which are written as
// [Reply].NotCarried has them. An empty value is no header.
func IsNotCarried(names []string, name, value string) bool {
	if value == "" {
		return false
	}
	for _, entry := range names {
		if isEntry(entry, name, value) {
			return true
		}
	}
	return false
}

// isEntry is asked of every header of every object: most entries differ in their length.
func isEntry(entry, name, value string) bool {
	if begin, family := strings.CutSuffix(entry, "*"); family {
		return len(name) >= len(begin) && strings.EqualFold(begin, name[:len(begin)])
	}
	if len(entry) < len(name) {
		return false
	}
	rest := entry[len(name):]
	wanted, only := strings.CutPrefix(rest, ": ")
	return (only || rest == "") && strings.EqualFold(entry[:len(name)], name) && (!only || strings.EqualFold(wanted, value))
}
