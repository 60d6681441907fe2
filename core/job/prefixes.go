package job

import (
	"slices"
	"strings"
)

// Prefixes reads a list of prefixes, one a line. Blank lines say nothing; a prefix that is
// given twice, or lies within another, counts once. They ascend.
func Prefixes(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.TrimSpace(line) != "" {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	var kept []string
	for _, prefix := range all {
		if len(kept) == 0 || !strings.HasPrefix(prefix, kept[len(kept)-1]) {
			kept = append(kept, prefix)
		}
	}
	return kept
}
