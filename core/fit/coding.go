package fit

import "strings"

// coding writes texts that a store refuses in a form that it takes, and reads them
// back. Texts that it takes stay as they are, except those that look like the form of
// another one: so no two texts are written alike.
//
// That holds because escape changes every text that is refused or looks coded, into a
// longer one that unescape brings back. Let two texts be written as w. When both were
// escaped, unescaping w gives both, and they are one text. When only t was, w is what
// escape made of t, so w looks coded and would itself have been escaped.
type coding struct {
	refused  func(text string) bool
	escape   func(text string) string
	unescape func(text string) string
}

// encode returns the text as it is written. The store may refuse that too, when the
// text is too long.
func (c coding) encode(text string) string {
	if c.refused(text) || c.coded(text) {
		return c.escape(text)
	}
	return text
}

// decode returns the text that encode wrote so.
func (c coding) decode(written string) string {
	if c.coded(written) {
		return c.unescape(written)
	}
	return written
}

// coded says whether a text is the written form of another one. It asks the same of
// shorter and shorter texts, so it ends.
func (c coding) coded(text string) bool {
	original := c.unescape(text)
	return len(original) < len(text) && (c.refused(original) || c.coded(original)) && c.escape(original) == text
}

// percent escapes marked bytes, and every "%", as in a URL: "%2F".
func percent(text string, marked func(i int) bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c == '%' || marked(i) {
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unpercent reads what percent wrote.
func unpercent(text string) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if high, low := digit(text[i+1], 'A'), digit(text[i+2], 'A'); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// digit returns the value of a hexadecimal digit whose letters begin at ten, or -1.
func digit(c, ten byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case ten <= c && c < ten+6:
		return int(c-ten) + 10
	}
	return -1
}

// dashed escapes marked bytes, and every "-" before an "x", in characters that every
// store takes in names of metadata: "_" is "-x5f-".
func dashed(name string, marked func(i int) bool) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; marked(i) || strings.HasPrefix(name[i:], "-x") {
			b.WriteString(string([]byte{'-', 'x', digits[c>>4], digits[c&15], '-'}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// undashed reads what dashed wrote.
func undashed(name string) string {
	if !strings.Contains(name, "-x") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if strings.HasPrefix(name[i:], "-x") && i+4 < len(name) && name[i+4] == '-' {
			if high, low := digit(name[i+2], 'a'), digit(name[i+3], 'a'); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 4
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
