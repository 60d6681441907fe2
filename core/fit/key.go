package fit

import (
	"strings"
	"unicode/utf8"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// Key returns the relative key under which the destination holds the object with this
// relative key. It is another one only where the user asked for encoding and the
// destination cannot hold the key, or the key looks like an encoded one. The
// error is *Error.
func (f Fitter) Key(key string) (written string, err error) {
	rules := f.destination.KeyRules
	if f.policy != job.UnmappableEncode {
		if problem := rules.Violation(f.prefix + key); problem != "" {
			return "", f.refuse("this key: "+problem, rules.Violation(f.prefix+f.keyCoding().encode(key)) == "")
		}
		return key, nil
	}
	written = f.keys.encode(key)
	if problem := rules.Violation(f.prefix + written); problem != "" {
		return "", f.refuse("this key: "+problem, false)
	}
	return written, nil
}

// Original returns the relative key of the object that Key writes under this relative
// key of the destination.
func (f Fitter) Original(written string) string {
	if f.policy != job.UnmappableEncode {
		return written
	}
	return f.keys.decode(written)
}

// Decoded is as Original, but also where the user did not ask for encoding this time:
// an earlier run may have written the key.
func (f Fitter) Decoded(written string) string { return f.keyCoding().decode(written) }

// Encodes says whether keys may be written in another form.
func (f Fitter) Encodes() bool { return f.policy == job.UnmappableEncode }

// keyCoding encodes relative keys: the prefix is the user's own and stays.
func (f Fitter) keyCoding() coding {
	rules, prefix := f.destination.KeyRules, f.prefix
	return coding{
		refused: func(key string) bool { return rules.Violation(prefix+key) != "" },
		escape: func(key string) string {
			marks := offending(rules, prefix+key)
			return percent(key, func(i int) bool { return marks[len(prefix)+i] })
		},
		unescape: unpercent,
	}
}

// offending marks the bytes of a key that break rules. Lengths mark none.
func offending(rules driver.KeyRules, key string) []bool {
	marks := make([]bool, len(key))
	if key == "" {
		return marks
	}
	last := len(key) - 1
	marks[0] = key[0] == '/' && rules.NoLeadingSlash
	marks[last] = marks[last] || key[last] == '/' && rules.NoTrailingSlash
	if rules.NoEmptySegment {
		marks[0] = marks[0] || key == "/"
		for i := 1; i < len(key); i++ {
			marks[i] = marks[i] || key[i] == '/' && key[i-1] == '/'
		}
	}
	markCharacters(marks, rules, key)
	if rules.NoDotSegment {
		markDots(marks, key)
	}
	for _, text := range rules.Forbidden {
		markForbidden(marks, key, text)
	}
	return marks
}

// markForbidden marks the first character of each place where the text stands.
func markForbidden(marks []bool, key, text string) {
	_, size := utf8.DecodeRuneInString(text)
	for i := range len(key) {
		if text != "" && strings.HasPrefix(key[i:], text) {
			for j := range size {
				marks[i+j] = true
			}
		}
	}
}

func markCharacters(marks []bool, rules driver.KeyRules, key string) {
	for i := 0; i < len(key); {
		r, size := utf8.DecodeRuneInString(key[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			marks[i] = marks[i] || rules.NoInvalidUTF8
		case r < 0x20 || r == 0x7f:
			marks[i] = marks[i] || rules.NoControl
		}
		i += size
	}
}

// markDots marks segments that are "." or "..".
func markDots(marks []bool, key string) {
	start := 0
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			for i := range segment {
				marks[start+i] = true
			}
		}
		start += len(segment) + 1
	}
}
