package job

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Scope says which keys a location means.
type Scope int

// The scopes.
const (
	// ScopeBelow is every key that starts with Prefix, which is empty or ends
	// in "/".
	ScopeBelow Scope = iota
	// ScopeStartsWith is every key that starts with Prefix, whatever follows.
	ScopeStartsWith
	// ScopeObject is the one key Prefix. In the destination of a copy a Prefix that is
	// empty or ends in "/" stands for the source's last segment below it.
	ScopeObject
)

// Location is one side of a job: a bucket, how to reach it, and which of its
// keys are meant. It carries no secret.
type Location struct {
	Plugin      string // name of the plugin; empty when Store is set and not resolved yet
	Store       string // name of a store in dth.yaml; empty when the plugin was named
	Bucket      string
	Prefix      string // decoded; without the "*" of ScopeStartsWith
	Scope       Scope
	Credentials string            // reference; empty for the vendor's default chain
	Options     map[string]string // never nil after Parse
	Origins     map[string]Origin // where each option and "credentials" was written; nil after Parse
}

// credentialsOption is the option of a location that holds its credentials
// reference.
const credentialsOption = "credentials"

// Parse reads the location of many objects:
//
//	SCHEME://BUCKET[/PREFIX][?NAME=VALUE&…]    through the plugin SCHEME
//	NAME:BUCKET[/PREFIX][?NAME=VALUE&…]        through the store NAME of dth.yaml
//
// The prefix is empty, ends in "/" (everything below) or ends in "*" (every
// key that starts so). In a prefix "?", "#", "%" and "*" are percent-encoded.
// Failures are *Error.
func Parse(text string) (Location, error) { return parseMany(text, true) }

// ParseDestination reads the location that receives many objects: as [Parse]
// does, but the prefix is empty or ends in "/".
func ParseDestination(text string) (Location, error) { return parseMany(text, false) }

func parseMany(text string, startsWith bool) (Location, error) {
	location, prefix, err := parse(text)
	if err != nil {
		return Location{}, err
	}
	bare, starred := strings.CutSuffix(prefix, "*")
	location.Prefix, err = decodeKey(bare)
	if err != nil {
		return Location{}, err
	}
	if location.Prefix == "" || strings.HasSuffix(location.Prefix, "/") {
		return location, nil // "dir/*" and "dir/" mean the same keys
	}
	address, _, _ := strings.Cut(text, "?")
	address = strings.TrimSuffix(address, "*")
	switch {
	case !startsWith:
		return Location{}, &Error{What: fmt.Sprintf("%q is no place to write below", address),
			Do: fmt.Sprintf(`write %q: a destination's prefix ends in "/"`, address+"/")}
	case !starred:
		return Location{}, &Error{What: fmt.Sprintf("%q may mean two things", address),
			Do: fmt.Sprintf("write %q for everything below it, or %q for every key that starts with it",
				address+"/", address+"*")}
	}
	location.Scope = ScopeStartsWith
	return location, nil
}

// ParseObject reads the location of one object: as [Parse] does, but what
// follows the bucket is the object's whole key.
func ParseObject(text string) (Location, error) {
	location, key, err := parse(text)
	if err != nil {
		return Location{}, err
	}
	location.Prefix, err = decodeKey(key)
	if err != nil {
		return Location{}, err
	}
	location.Scope = ScopeObject
	return location, nil
}

// parse reads everything but the meaning of what follows the bucket, which it
// returns still encoded.
func parse(text string) (Location, string, error) {
	location := Location{Options: map[string]string{}}
	address, query, hasQuery := strings.Cut(text, "?")
	name, rest, ok := strings.Cut(address, ":")
	if !ok || !validName(name) {
		return Location{}, "", malformed(address)
	}
	if afterSlashes, ok := strings.CutPrefix(rest, "//"); ok {
		location.Plugin, rest = name, afterSlashes
	} else {
		location.Store = name
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if err := checkBucket(bucket, address); err != nil {
		return Location{}, "", err
	}
	location.Bucket = bucket
	if hasQuery {
		if err := location.parseQuery(query); err != nil {
			return Location{}, "", err
		}
	}
	return location, prefix, nil
}

func malformed(address string) error {
	what := "this is no location"
	if !strings.Contains(address, "@") { // what stands before an "@" may be a password
		what = fmt.Sprintf("%q is no location", address)
	}
	return &Error{What: what, Do: "write SCHEME://BUCKET/PREFIX/, such as s3://photos/2024/, " +
		"or NAME:BUCKET/PREFIX/ for a store named in dth.yaml"}
}

func checkBucket(bucket, address string) error {
	if strings.Contains(bucket, "@") {
		return &Error{What: "a location holds no credentials", Do: credentialsAdvice}
	}
	if bucket == "" {
		return &Error{What: fmt.Sprintf("%q names no bucket", address),
			Do: "write SCHEME://BUCKET/PREFIX/ or NAME:BUCKET/PREFIX/"}
	}
	for _, c := range []byte(bucket) {
		if !isLetter(c) && !isDigit(c) && !strings.ContainsRune("._-", rune(c)) {
			return &Error{What: fmt.Sprintf("the bucket's name holds %q", rune(c)),
				Do: `bucket names are made of letters, digits, ".", "_" and "-"`}
		}
	}
	return nil
}

func (l *Location) parseQuery(query string) error {
	if query == "" {
		return &Error{What: `nothing follows the "?"`, Do: `write ?NAME=VALUE, or %3F for a "?" in the prefix`}
	}
	for _, pair := range strings.Split(query, "&") {
		name, encoded, ok := strings.Cut(pair, "=")
		if !ok {
			return &Error{What: `what follows the "?" is not NAME=VALUE`,
				Do: `write ?NAME=VALUE&NAME=VALUE, or %3F for a "?" in the prefix`}
		}
		value, err := decode(encoded, "#")
		if err != nil {
			return At("option "+name, false, err)
		}
		if err := l.SetOption(name, value, false); err != nil {
			return err
		}
	}
	return nil
}

// SetOption sets one option, or the credentials reference. It refuses options
// that would hold a secret, and one that is set already unless replace is true.
func (l *Location) SetOption(name, value string, replace bool) error {
	if err := CheckOption(name, value); err != nil {
		return err
	}
	if name == credentialsOption {
		if l.Credentials != "" && !replace {
			return &Error{What: "option credentials is given twice"}
		}
		l.Credentials = value
		return nil
	}
	if _, ok := l.Options[name]; ok && !replace {
		return &Error{What: fmt.Sprintf("option %s is given twice", name)}
	}
	l.Options[name] = value
	return nil
}

// String returns the location as Parse or ParseObject reads it.
func (l Location) String() string {
	var b strings.Builder
	b.WriteString(l.Address())
	separator := byte('?')
	add := func(name, value string) {
		b.WriteByte(separator)
		b.WriteString(name + "=" + encode(value, "%#&"))
		separator = '&'
	}
	if l.Credentials != "" {
		add(credentialsOption, l.Credentials)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Options)) {
		add(name, l.Options[name])
	}
	return b.String()
}

// Address returns the location without options and credentials reference: what
// reports show.
func (l Location) Address() string {
	address := l.Plugin + "://" + l.Bucket
	if l.Store != "" {
		address = l.Store + ":" + l.Bucket
	}
	if l.Prefix != "" {
		address += "/" + encode(l.Prefix, "%#?*")
	}
	if l.Scope == ScopeStartsWith {
		address += "*"
	}
	return address
}

// decodeKey decodes what follows the bucket.
func decodeKey(encoded string) (string, error) {
	key, err := decode(encoded, "#*")
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(key) {
		return "", &Error{What: fmt.Sprintf("%q is not UTF-8", key), Do: "object keys are UTF-8 text"}
	}
	return key, nil
}

// decode resolves %XX and refuses the reserved characters that should have
// been encoded.
func decode(encoded, reserved string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(encoded); i++ {
		c := encoded[i]
		switch {
		case strings.IndexByte(reserved, c) >= 0:
			return "", &Error{What: fmt.Sprintf("a bare %q", rune(c)), Do: fmt.Sprintf("write %%%02X for it", c)}
		case c != '%':
			b.WriteByte(c)
		case i+2 < len(encoded) && isHex(encoded[i+1]) && isHex(encoded[i+2]):
			value, _ := strconv.ParseUint(encoded[i+1:i+3], 16, 8)
			b.WriteByte(byte(value))
			i += 2
		default:
			return "", &Error{What: `a "%" without two hexadecimal digits`, Do: "write %25 for it"}
		}
	}
	return b.String(), nil
}

// encode percent-encodes the reserved characters, and control characters so
// that a location can be printed.
func encode(text, reserved string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c == 0x7f || strings.IndexByte(reserved, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// validName says whether name can name a plugin, a store, a job or an option.
func validName(name string) bool {
	if name == "" || !isLetter(name[0]) {
		return false
	}
	for _, c := range []byte(name) {
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
