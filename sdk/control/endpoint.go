package control

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ParseEndpoint reads "https://HOST[:PORT]", the root of a store's URLs. Without a
// scheme it is https. The host comes back in lower case, without a port that is the
// scheme's own. The error is for the text behind "option NAME: ".
func ParseEndpoint(text string) (*url.URL, error) {
	root, err := ParseRoot(text)
	if err == nil && root.Path != "" {
		return nil, errors.New("it holds more than a host: write https://HOST[:PORT]")
	}
	return root, err
}

// ParseRoot is [ParseEndpoint] for stores that may stand below a path:
// "https://HOST[:PORT][/PATH]". The path comes back without "/" at its end.
func ParseRoot(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Hostname() == "" {
		return nil, errors.New("no URL: write https://HOST[:PORT]")
	}
	standard, known := map[string]string{"http": ":80", "https": ":443"}[parsed.Scheme]
	switch {
	case !known:
		return nil, fmt.Errorf("its scheme is %q: write http:// or https://", parsed.Scheme)
	case parsed.User != nil:
		return nil, errors.New("it holds a user: credentials are given as a reference")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, errors.New("it holds a query or fragment: write https://HOST[:PORT]")
	}
	return &url.URL{
		Scheme: parsed.Scheme, Host: strings.TrimSuffix(strings.ToLower(parsed.Host), standard),
		Path: strings.TrimRight(parsed.Path, "/"), RawPath: strings.TrimRight(parsed.RawPath, "/"),
	}, nil
}
