package job

import (
	"fmt"
	"slices"
	"strings"
)

// Unknown returns the error for a name that is not among the known ones. It
// proposes the nearest, or lists all where none is near.
func Unknown(kind, name string, known []string) *Error {
	mistake := &Error{What: fmt.Sprintf("unknown %s %q", kind, name)}
	known = slices.Sorted(slices.Values(known))
	if best, ok := nearest(name, known); ok {
		mistake.Do = fmt.Sprintf("did you mean %q?", best)
		return mistake
	}
	if len(known) == 0 {
		mistake.Do = "there is none"
		return mistake
	}
	mistake.Do = "known: " + strings.Join(known, ", ")
	return mistake
}

// nearest returns the known name with the fewest edits from name, and whether
// it is near enough to be what was meant.
func nearest(name string, known []string) (string, bool) {
	best, fewest := "", 1+max(1, len(name)/3)
	for _, candidate := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < fewest {
			best, fewest = candidate, d
		}
	}
	return best, best != ""
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
