package sign

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pair is one parameter of the query, not escaped.
type pair struct{ name, value string }

// parseQuery reads a query by itself: net/url drops pairs with a bare ";".
func parseQuery(raw string) []pair {
	var pairs []pair
	for item := range strings.SplitSeq(raw, "&") {
		if item != "" {
			name, value, _ := strings.Cut(item, "=")
			pairs = append(pairs, pair{unescape(name), unescape(value)})
		}
	}
	return pairs
}

// unescape leaves alone what is no valid escape: it will not match then.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func has(query []pair, name string) bool {
	return slices.ContainsFunc(query, func(p pair) bool { return p.name == name })
}

// canonical builds the canonical request.
func canonical(r *http.Request, resource string, query []pair, g given) (string, error) {
	headers, err := canonicalHeaders(r, g.additional)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{
		r.Method, escape(resource, true), canonicalQuery(query, g.inURL), headers, strings.Join(g.additional, ";"), unsigned,
	}, "\n"), nil
}

// canonicalQuery sorts the parameters by their escaped names. The signature in
// the URL can't be part of what it signs.
func canonicalQuery(query []pair, inURL bool) string {
	items := make([]pair, 0, len(query))
	for _, p := range query {
		if !inURL || p.name != "x-oss-signature" {
			items = append(items, pair{escape(p.name, false), escape(p.value, false)})
		}
	}
	slices.SortStableFunc(items, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var text strings.Builder
	for i, p := range items {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(p.name)
		if p.value != "" {
			text.WriteString("=" + p.value)
		}
	}
	return text.String()
}

// canonicalHeaders lists the headers that are always signed when they are there,
// and the additional ones, which must be there.
func canonicalHeaders(r *http.Request, additional []string) (string, error) {
	values := map[string][]string{}
	for name, v := range r.Header {
		if name = strings.ToLower(name); always(name) || slices.Contains(additional, name) {
			values[name] = v
		}
	}
	if slices.Contains(additional, "host") { // net/http keeps it elsewhere
		values["host"] = []string{r.Host}
	}
	if slices.Contains(additional, "transfer-encoding") && len(r.TransferEncoding) > 0 {
		values["transfer-encoding"] = r.TransferEncoding
	}
	for _, name := range additional {
		if values[name] == nil {
			return "", refuse(http.StatusForbidden, "SignatureDoesNotMatch", "0002-00000201", "The additional header "+name+" is not in the request.")
		}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		trimmed := make([]string, len(values[name]))
		for i, value := range values[name] {
			trimmed[i] = strings.TrimSpace(value)
		}
		text.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	return text.String(), nil
}

// always tells whether a header is signed wherever it occurs.
func always(name string) bool {
	return strings.HasPrefix(name, "x-oss-") || name == "content-type" || name == "content-md5"
}

// escape is the vendor's URI-encode: everything but letters, digits and -_.~
func escape(s string, path bool) string {
	const hexdigits = "0123456789ABCDEF"
	var out strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, path && c == '/':
			out.WriteByte(c)
		default:
			out.WriteByte('%')
			out.WriteByte(hexdigits[c>>4])
			out.WriteByte(hexdigits[c&15])
		}
	}
	return out.String()
}
