package memdriver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// signatureLife is how long an exchange may be used.
	signatureLife = 15 * time.Minute
	// maxSkew is how far in the future a signature may have been made.
	maxSkew = 15 * time.Minute
	// signatureParameter ends every signed URL, so everything before it is signed.
	signatureParameter = "&mem-signature="
)

// freeHeaders may be added to an exchange without a signature.
var freeHeaders = []string{"Connection", "Content-Length", "If-Match", "Range", "User-Agent"}

// grant is what a signature covers beside method and path.
type grant struct {
	account string
	made    time.Time
	length  int64
	replies string          // form of the answer: one of the replies constants
	headers []driver.Header // sent and signed
	more    string          // more query parameters, encoded, with leading "&"
}

// target returns the path and query of the request up to the signature.
func (g grant) target(path string) string {
	names := make([]string, len(g.headers))
	for i, header := range g.headers {
		names[i] = strings.ToLower(header.Name)
	}
	return path + "?mem-account=" + url.QueryEscape(g.account) +
		"&mem-date=" + strconv.FormatInt(g.made.Unix(), 10) +
		"&mem-life=" + strconv.Itoa(int(signatureLife/time.Second)) +
		"&mem-length=" + strconv.FormatInt(g.length, 10) +
		"&mem-replies=" + g.replies +
		"&mem-headers=" + url.QueryEscape(strings.Join(names, ",")) + g.more
}

// signature is the hex HMAC-SHA256 over method, target and headers, one a line.
func signature(secret, method, target string, headers []driver.Header) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + "\n" + target + "\n"))
	for _, header := range headers {
		mac.Write([]byte(strings.ToLower(header.Name) + ":" + header.Value + "\n"))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// verify refuses a request that is not exactly one that an account signed.
func (s *Server) verify(r *http.Request, bucket string, query url.Values) *failure {
	at := strings.LastIndex(r.RequestURI, signatureParameter) // the last: a key may contain it too
	if at < 0 {
		return &failure{403, "AccessDenied", "the request is not signed"}
	}
	target, sent := r.RequestURI[:at], r.RequestURI[at+len(signatureParameter):]
	account, known := s.accounts[query.Get("mem-account")]
	if !known {
		return &failure{403, "InvalidAccessKeyId", "no such account"}
	}
	headers, refused := signedHeaders(r, query.Get("mem-headers"))
	if refused != nil {
		return refused
	}
	if !hmac.Equal([]byte(sent), []byte(signature(account.Secret, r.Method, target, headers))) {
		return &failure{403, "SignatureDoesNotMatch", "the request differs from what was signed"}
	}
	if refused := s.verifyTime(query); refused != nil {
		return refused
	}
	if query.Get("mem-length") != strconv.FormatInt(r.ContentLength, 10) {
		return &failure{403, "LengthMismatch", "the body is not as long as was signed"}
	}
	if account.Buckets != nil && !slices.Contains(account.Buckets, bucket) {
		return &failure{403, "AccessDenied", "the account has no right to the bucket"}
	}
	return nil
}

// signedHeaders returns the headers that the signature covers and refuses any
// other that is not free.
func signedHeaders(r *http.Request, names string) ([]driver.Header, *failure) {
	var headers []driver.Header
	unsigned := r.Header.Clone()
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		values := r.Header.Values(name)
		if len(values) != 1 {
			return nil, &failure{403, "SignatureDoesNotMatch", "header " + name + " must be sent once"}
		}
		headers = append(headers, driver.Header{Name: name, Value: values[0]})
		unsigned.Del(name)
	}
	for name, values := range unsigned {
		identity := name == "Accept-Encoding" && slices.Equal(values, []string{"identity"})
		if !identity && !slices.Contains(freeHeaders, name) {
			return nil, &failure{403, "HeaderNotSigned", "header " + name + " is not part of the exchange"}
		}
	}
	return headers, nil
}

// verifyTime refuses signatures from the future and from the past.
func (s *Server) verifyTime(query url.Values) *failure {
	made, errDate := strconv.ParseInt(query.Get("mem-date"), 10, 64)
	life, errLife := strconv.ParseInt(query.Get("mem-life"), 10, 64)
	if errDate != nil || errLife != nil {
		return &failure{400, "InvalidArgument", "mem-date and mem-life must be whole seconds"}
	}
	now, date := s.now(), time.Unix(made, 0)
	if date.After(now.Add(maxSkew)) {
		return &failure{403, "RequestTimeTooSkewed", "the request was signed in the future"}
	}
	if now.After(date.Add(time.Duration(life) * time.Second)) {
		return &failure{403, "Expired", "the signature has expired"}
	}
	return nil
}

// escapeKey percent-encodes a key for a path. Slashes and dots stay, so that
// clients which clean paths are found out.
func escapeKey(key string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}
