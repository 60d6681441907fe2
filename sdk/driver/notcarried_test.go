package driver

import "testing"

func TestIsNotCarried(t *testing.T) {
	t.Parallel()
	names := []string{"x-redirect", "x-hold: ON", "x-other-meta-*"}
	for name, test := range map[string]struct {
		name, value string
		want        bool
	}{
		"by name":           {"x-redirect", "/a", true},
		"in another case":   {"X-Redirect", "/a", true},
		"without a value":   {"x-redirect", "", false},
		"another name":      {"x-redirection", "/a", false},
		"by value":          {"X-Hold", "on", true},
		"another value":     {"x-hold", "OFF", false},
		"of a family":       {"X-Other-Meta-Owner", "me", true},
		"the family's name": {"x-other-meta-", "me", true},
		"shorter":           {"x-other", "me", false},
		"no name":           {"", "v", false},
	} {
		if got := IsNotCarried(names, test.name, test.value); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
