package sign

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// values are headers or parameters by name: lower-case for the text that is
// signed.
type values map[string][]string

// parseQuery reads a query by itself: net/url drops pairs with a bare ";",
// which is how some clients write q-sign-time.
func parseQuery(raw string) values {
	query := values{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		name = strings.ToLower(name)
		query[name] = append(query[name], value)
	}
	return query
}

// unescape leaves alone what is no valid escape: it will not match then.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// headerValues returns the request's headers, with those that net/http keeps
// elsewhere.
func headerValues(r *http.Request) values {
	headers := make(values, len(r.Header)+1)
	for name, v := range r.Header {
		headers[strings.ToLower(name)] = v
	}
	headers["host"] = []string{r.Host}
	if len(r.TransferEncoding) > 0 {
		headers["transfer-encoding"] = r.TransferEncoding
	}
	return headers
}

// listed builds the canonical text of the names in list, a ";"-separated field
// of the signature, whose order must be the sorted one.
func listed(list string, all values, kind string) (string, error) {
	if list == "" {
		return "", nil
	}
	items := strings.Split(list, ";")
	if !slices.IsSorted(items) {
		return "", mismatch("the " + kind + " list is not sorted")
	}
	var text strings.Builder
	for _, item := range slices.Compact(items) { // some clients repeat a name for each of its values
		found, ok := all[unescape(item)]
		if !ok || item != strings.ToLower(item) {
			return "", mismatch("the listed " + kind + " " + item + " is missing")
		}
		for _, value := range slices.Sorted(slices.Values(found)) {
			if text.Len() > 0 {
				text.WriteByte('&')
			}
			text.WriteString(item + "=" + escape(value))
		}
	}
	return text.String(), nil
}

// escape is the vendor's UrlEncode: everything but letters, digits and -_.~
func escape(s string) string {
	const hexdigits = "0123456789ABCDEF"
	var out strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			out.WriteByte(c)
		default:
			out.WriteByte('%')
			out.WriteByte(hexdigits[c>>4])
			out.WriteByte(hexdigits[c&15])
		}
	}
	return out.String()
}

// bound are the parameters that choose what a request does; those that only
// filter a listing are not among them.
var bound = []string{
	"acl", "append", "delete", "location", "partnumber", "position", "restore",
	"tagging", "uploadid", "uploads", "versionid",
}

// unsigned refuses what would change the request's effect and is not signed.
// The vendor does not say which headers and parameters a server insists on
// (its own clients sign all of these), so the emulator insists on all that
// matter: a client that passes here passes there.
func unsigned(given fields, r *http.Request, query values) error {
	headers := strings.Split(given["q-header-list"], ";")
	for name := range r.Header {
		name = strings.ToLower(name)
		vendors := strings.HasPrefix(name, "x-cos-") || strings.HasPrefix(name, "x-ci-")
		if vendors && name != "x-cos-security-token" && !slices.Contains(headers, escape(name)) {
			return &Error{"AccessDenied", "The header " + name + " is not signed."}
		}
	}
	params := strings.Split(given["q-url-param-list"], ";")
	for name := range query {
		binds := slices.Contains(bound, name) || strings.HasPrefix(name, "response-")
		if binds && !slices.Contains(params, escape(name)) {
			return &Error{"AccessDenied", "The parameter " + name + " is not signed."}
		}
	}
	return nil
}
