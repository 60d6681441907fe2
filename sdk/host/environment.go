package host

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// connectionVariables reach every plugin: how to get to the network and whom
// to trust there. Go reads the proxy variables in both cases
// (golang.org/x/net/http/httpproxy).
var connectionVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
}

// variablePrefix is what may follow "env:".
var variablePrefix = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// credentialVariables returns the variables that a credentials reference needs
// beyond those that the plugin always gets. Names that end in "*" are prefixes.
func credentialVariables(manifest Manifest, reference string) ([]string, error) {
	switch {
	case reference == "":
		return manifest.Environment.DefaultCredentials, nil
	case strings.HasPrefix(reference, "secret:"):
		return manifest.Environment.SecretCredentials, nil
	}
	prefix, isEnv := strings.CutPrefix(reference, "env:")
	if !isEnv {
		return nil, nil
	}
	if !variablePrefix.MatchString(prefix) {
		return nil, &driver.Error{
			Op: "Open", Kind: driver.KindInvalidArgument, Code: "BadCredentialsReference",
			Message: "credentials \"env:\" must be followed by the beginning of environment variable names, as in env:SOURCE for SOURCE_ACCESS_KEY_ID",
		}
	}
	return []string{prefix + "_ACCESS_KEY_ID", prefix + "_SECRET_ACCESS_KEY", prefix + "_SESSION_TOKEN"}, nil
}

// environment picks the variables of environ that a process of the plugin may see.
func environment(environ []string, manifest Manifest, names []string) []string {
	allowed := slices.Concat(connectionVariables, manifest.Environment.Always, names)
	var picked []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, name) }) {
			picked = append(picked, entry)
		}
	}
	return picked
}

// matches says whether a variable's name is the pattern, or begins with it when it ends in "*".
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}
