package control

import (
	"net/url"
	"testing"
)

// FuzzAppendPath proves that a path says the key and nothing else.
func FuzzAppendPath(f *testing.F) {
	for _, key := range []string{"", "a/b", "a//b/../c", "%2F", "a b+c?d#e", "\xff\x00", "🚀"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		escaped := string(AppendPath(nil, key))
		if back, err := url.PathUnescape(escaped); err != nil || back != key {
			t.Errorf("%q is escaped as %q, which says %q (%v)", key, escaped, back, err)
		}
		for i := range len(escaped) {
			if c := escaped[i]; !unreserved(c) && c != '/' && c != '%' {
				t.Errorf("%q is escaped as %q, which holds %q", key, escaped, c)
			}
		}
		if back, err := url.QueryUnescape(string(AppendQuery(nil, key))); err != nil || back != key {
			t.Errorf("the query of %q says %q (%v)", key, back, err)
		}
	})
}
