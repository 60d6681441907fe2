package control

const upperHex = "0123456789ABCDEF"

// AppendPath appends a key as it stands in a URL's path: every byte but the
// unreserved ones and "/" as %XX. "." and ".." segments stay as they are, so the
// path reaches the store exactly as it was signed.
func AppendPath(buffer []byte, key string) []byte { return appendEscaped(buffer, key, true) }

// AppendQuery appends a query name or value, escaped like a path but for "/", which
// is escaped too.
func AppendQuery(buffer []byte, text string) []byte { return appendEscaped(buffer, text, false) }

func appendEscaped(buffer []byte, text string, keepSlash bool) []byte {
	for i := range len(text) {
		c := text[i]
		if unreserved(c) || c == '/' && keepSlash {
			buffer = append(buffer, c)
		} else {
			buffer = append(buffer, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return buffer
}

// unreserved is RFC 3986 section 2.3, which the vendors' signatures refer to.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
