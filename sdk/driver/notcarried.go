package driver

import "strings"

// IsNotCarried says whether a header of an answer is one of the names, which are written as
// [Reply].NotCarried has them. An empty value is no header.
func IsNotCarried(names []string, name, value string) bool {
	if value == "" {
		return false
	}
	for _, entry := range names {
		entry, wanted, only := strings.Cut(entry, ": ")
		begin, family := strings.CutSuffix(entry, "*")
		switch {
		case only && !strings.EqualFold(wanted, value):
		case family && len(name) >= len(begin) && strings.EqualFold(begin, name[:len(begin)]), strings.EqualFold(entry, name):
			return true
		}
	}
	return false
}
