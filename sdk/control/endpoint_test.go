package control

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, endpoint, root, problem string }{
		"whole":              {"https://Store.example:8443/", "https://store.example:8443", "https://store.example:8443", ""},
		"no scheme":          {"store.example", "https://store.example", "https://store.example", ""},
		"port of https":      {"https://h:443", "https://h", "https://h", ""},
		"port of http":       {"http://h:80", "http://h", "http://h", ""},
		"other's port":       {"http://h:443", "http://h:443", "http://h:443", ""},
		"IPv6":               {"http://[::1]:9", "http://[::1]:9", "http://[::1]:9", ""},
		"path":               {"http://h/top/a%2Fb/", "", "http://h/top/a%2Fb", "more than a host"},
		"empty":              {"", "", "", "no URL"},
		"no host":            {"http://:80", "", "", "no URL"},
		"control character":  {"http://h\n", "", "", "no URL"},
		"scheme":             {"s3://h", "", "", `its scheme is "s3"`},
		"user with a secret": {"http://user:canary@h", "", "", "holds a user"},
		"query":              {"http://h/?a=canary", "", "", "query"},
		"fragment":           {"http://h/#canary", "", "", "fragment"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, err := ParseEndpoint(test.text)
			if (err == nil) != (test.endpoint != "") || err == nil && endpoint.String() != test.endpoint {
				t.Errorf("ParseEndpoint(%q) = %v, %v; want %q", test.text, endpoint, err, test.endpoint)
			}
			if err != nil && (!strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("ParseEndpoint(%q) = %v, want %q and nothing of the text", test.text, err, test.problem)
			}
			root, err := ParseRoot(test.text)
			if (err == nil) != (test.root != "") || err == nil && root.String() != test.root {
				t.Errorf("ParseRoot(%q) = %v, %v; want %q", test.text, root, err, test.root)
			}
		})
	}
}
