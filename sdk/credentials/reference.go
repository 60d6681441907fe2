// Package credentials resolves the credentials references that mean the same
// for every vendor. It runs inside a plugin; the host passes references on
// without looking behind them.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the scheme of a reference.
type Kind string

// The kinds of reference.
const (
	Default   Kind = ""          // the vendor's own chain; resolved by the plugin
	Profile   Kind = "profile"   // a profile of the vendor's own files; resolved by the plugin
	Env       Kind = "env"       // variables PREFIX_ACCESS_KEY_ID, PREFIX_SECRET_ACCESS_KEY and PREFIX_SESSION_TOKEN
	File      Kind = "file"      // a JSON document that nobody else may read
	Exec      Kind = "exec"      // a command that prints the same JSON document
	Secret    Kind = "secret"    // the same JSON document in AWS Secrets Manager; resolved by the plugin
	Anonymous Kind = "anonymous" // no credentials: requests are not signed
)

// Reference names credentials without holding them. It is no secret.
type Reference struct {
	Kind  Kind
	Value string // prefix, path, command, profile or secret; empty for Default and Anonymous
}

// Parse reads a reference as it stands in a location or in dth.yaml.
func Parse(text string) (Reference, error) {
	if text == "" || text == string(Anonymous) {
		return Reference{Kind: Kind(text)}, nil
	}
	scheme, value, found := strings.Cut(text, ":")
	switch kind := Kind(scheme); kind {
	case Profile, Env, File, Exec, Secret:
		if !found || value == "" {
			return Reference{}, fmt.Errorf("credentials %q lack what follows %q", scheme, scheme+":")
		}
		if kind == Env && strings.ContainsAny(value, "=\x00 ") {
			return Reference{}, errors.New(`credentials "env:" take the prefix of three variables: letters, digits and "_"`)
		}
		return Reference{Kind: kind, Value: value}, nil
	}
	// The text is not repeated: it may be a key pasted into the wrong place.
	return Reference{}, errors.New("credentials must be a reference: env:PREFIX, profile:NAME, file:PATH, exec:COMMAND, secret:NAME or anonymous")
}

// String returns the reference as Parse reads it.
func (r Reference) String() string {
	if r.Value == "" {
		return string(r.Kind)
	}
	return string(r.Kind) + ":" + r.Value
}

// Keys are resolved credentials. They print as a placeholder whatever the verb,
// so that no log and no error shows them by accident.
type Keys struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // empty for long-term keys
	Expires         time.Time // zero when they do not expire or do not say so
}

// Format prints a placeholder for every verb.
func (Keys) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte("credentials(hidden)")) }

// MarshalText refuses: keys are never written anywhere.
func (Keys) MarshalText() ([]byte, error) {
	return nil, errors.New("credentials are never written")
}

// ErrVendor is what [Resolve] returns for the references that only the plugin
// can resolve: Default and Profile, which are its vendor's, and Secret, which takes the
// SDK of another one.
var ErrVendor = errors.New("this reference is resolved by the plugin")

// Resolve returns the keys behind a reference, which are zero for Anonymous.
// It reads environment, file or command anew at every call. Its errors name
// variables, paths and what to do, never a value.
func Resolve(ctx context.Context, reference Reference) (Keys, error) {
	switch reference.Kind {
	case Env:
		return fromEnvironment(reference.Value)
	case File:
		return fromFile(reference.Value)
	case Exec:
		return fromCommand(ctx, reference.Value)
	case Anonymous:
		return Keys{}, nil
	}
	return Keys{}, ErrVendor
}
