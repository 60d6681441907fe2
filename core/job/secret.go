package job

import (
	"fmt"
	"strings"
)

const credentialsAdvice = "give a reference instead: credentials=env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous"

// secretWords mark the names of options that would hold a secret.
var secretWords = []string{"secret", "password", "passwd", "passphrase", "token", "accesskey", "privatekey", "apikey", "credential"}

// CheckOption refuses an option name that is none, an option that would hold a
// secret, a credentials value that is no reference, and a URL with a password. The
// texts of its errors do not repeat the value.
func CheckOption(name, value string) error {
	if !validName(name) {
		return &Error{What: fmt.Sprintf("%q is no option name", name), Do: "options are written NAME=VALUE"}
	}
	if name == credentialsOption {
		return checkReference(value)
	}
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	for _, word := range secretWords {
		if strings.Contains(plain, word) {
			return &Error{What: fmt.Sprintf("option %s would hold a secret", name), Do: credentialsAdvice}
		}
	}
	authority := value
	if _, address, ok := strings.Cut(value, "://"); ok {
		authority = address
	}
	authority, _, _ = strings.Cut(authority, "/")
	if strings.Contains(authority, "@") {
		return &Error{What: fmt.Sprintf("option %s holds a user name or password before the \"@\"", name),
			Do: "write the address without it; a proxy with a password belongs into the variable HTTPS_PROXY"}
	}
	return nil
}

// checkReference accepts the forms of a credentials reference.
func checkReference(reference string) error {
	if reference == "" || reference == "anonymous" {
		return nil
	}
	kind, rest, _ := strings.Cut(reference, ":")
	switch kind {
	case "env", "profile", "file", "exec", "secret":
		if rest != "" {
			return nil
		}
		return &Error{What: fmt.Sprintf("credentials reference %q names nothing", kind+":"), Do: credentialsAdvice}
	}
	return &Error{What: "credentials are not a reference", Do: credentialsAdvice}
}
