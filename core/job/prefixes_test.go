package job

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPredecessorD6PrefixList: a blank line in the list of prefixes crashed the finder.
// Shown to fail with the check for blank lines taken out: the list gains a prefix "" that
// means everything.
func TestPredecessorD6PrefixList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"empty":                {"", nil},
		"blank lines":          {"\n\n  \n\t\r\n", nil},
		"no end of line":       {"b/\na/", []string{"a/", "b/"}},
		"other ends of line":   {"a/\r\nb/\r\n", []string{"a/", "b/"}},
		"twice":                {"a/\na/\n", []string{"a/"}},
		"nested":               {"a/b/\na/\na/b/c\nab/\n", []string{"a/", "ab/"}},
		"keeps what keys hold": {" a\n#b\n", []string{" a", "#b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, Prefixes(test.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzPrefixes: every line is within exactly one of the prefixes.
func FuzzPrefixes(f *testing.F) {
	f.Add("a/\n\nab\na")
	f.Fuzz(func(t *testing.T, text string) {
		prefixes := Prefixes(text)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			within := 0
			for _, prefix := range prefixes {
				if strings.HasPrefix(line, prefix) {
					within++
				}
			}
			if blank := strings.TrimSpace(line) == ""; !blank && within != 1 {
				t.Fatalf("line %q is within %d of %q", line, within, prefixes)
			}
		}
	})
}
