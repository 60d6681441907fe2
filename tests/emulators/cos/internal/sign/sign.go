// Package sign checks that a request to the COS emulator carries a signature
// of the account, as https://www.tencentcloud.com/document/product/436/7778
// describes it (q-sign-algorithm=sha1).
package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// skew is how far a client's clock may run ahead of the server's. The vendor
// states no figure; 15 minutes is what its S3 dialect allows.
const skew = 15 * time.Minute

// Account is who may sign, and with what.
type Account struct {
	AccessKey string // q-ak
	SecretKey string
	Token     string // of temporary credentials: every request must bring it; "" for a permanent key
}

// Error is a refusal. Every one is a 403 of the vendor's.
type Error struct {
	Code    string // from https://www.tencentcloud.com/document/product/436/7730
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func mismatch(why string) *Error {
	return &Error{"SignatureDoesNotMatch", "The signature we calculated does not match the signature you provided: " + why + "."}
}

// Check returns nil if r is signed by the account and the signature is valid at
// now, else an *Error.
func (a Account) Check(r *http.Request, now time.Time) error {
	query := parseQuery(r.URL.RawQuery)
	given, inQuery := find(r, query)
	if given == nil {
		return &Error{"AccessDenied", "Access Denied."}
	}
	if err := given.complete(); err != nil {
		return err
	}
	if given["q-ak"] != a.AccessKey {
		return &Error{"InvalidAccessKeyId", "The access key id you provided does not exist in our records."}
	}
	if err := given.valid(now); err != nil {
		return err
	}
	if err := a.checkToken(r, query, inQuery); err != nil {
		return err
	}
	headers, err := listed(given["q-header-list"], headerValues(r), "header")
	if err != nil {
		return err
	}
	params, err := listed(given["q-url-param-list"], query, "parameter")
	if err != nil {
		return err
	}
	text := strings.ToLower(r.Method) + "\n" + r.URL.Path + "\n" + params + "\n" + headers + "\n"
	if !hmac.Equal([]byte(a.signature(given["q-key-time"], text)), []byte(given["q-signature"])) {
		return mismatch("method, path, listed headers or listed parameters differ, or the secret")
	}
	return unsigned(given, r, query)
}

// checkToken compares the token of temporary credentials, which comes the same
// way as the signature: both as headers or both as parameters.
func (a Account) checkToken(r *http.Request, query values, inQuery bool) error {
	const name = "x-cos-security-token"
	token := r.Header.Get(name)
	if inQuery {
		token = strings.Join(query[name], "")
	}
	switch token {
	case a.Token:
		return nil
	case "": // a temporary key is unknown without its token
		return &Error{"InvalidAccessKeyId", "The access key id you provided does not exist in our records."}
	default:
		return &Error{"AccessDenied", "The security token does not belong to the access key id."}
	}
}

// signature derives the window's key from the secret and signs the text with it.
func (a Account) signature(keyTime, text string) string {
	digest := sha1.Sum([]byte(text))
	key := sum(a.SecretKey, keyTime)
	return sum(key, "sha1\n"+keyTime+"\n"+hex.EncodeToString(digest[:])+"\n")
}

func sum(key, message string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// fields are the q-… fields of one signature.
type fields map[string]string

// find returns the request's signature and whether it came in the URL; nil if
// the request is anonymous.
func find(r *http.Request, query values) (fields, bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		return split(header), false
	}
	if merged := query["sign"]; len(merged) == 1 {
		return split(merged[0]), true
	}
	var found fields
	for name, v := range query {
		if isField(name) {
			if found == nil {
				found = fields{}
			}
			found[name] = v[0]
		}
	}
	return found, true
}

func split(authorization string) fields {
	found := fields{}
	for pair := range strings.SplitSeq(strings.TrimSpace(authorization), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if isField(name) {
			found[name] = value
		}
	}
	return found
}

var names = []string{"q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature"}

func isField(name string) bool { return slices.Contains(names, name) }

// complete tells whether all fields are there and of the right form.
func (f fields) complete() error {
	for _, name := range names {
		if _, ok := f[name]; !ok {
			return mismatch(name + " is missing")
		}
	}
	if f["q-sign-algorithm"] != "sha1" {
		return mismatch("q-sign-algorithm is not sha1")
	}
	if f["q-sign-time"] != f["q-key-time"] { // the vendor calls both KeyTime
		return mismatch("q-sign-time and q-key-time differ")
	}
	return nil
}

// valid tells whether now lies within the signature's life.
func (f fields) valid(now time.Time) error {
	from, until, _ := strings.Cut(f["q-sign-time"], ";")
	start, err1 := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(until, 10, 64)
	if err1 != nil || err2 != nil || end < start {
		return mismatch("q-sign-time is not START;END in seconds")
	}
	if now.Unix() > end {
		return &Error{"AccessDenied", "Request has expired"}
	}
	if start > now.Add(skew).Unix() {
		return &Error{"RequestTimeTooSkewed", "The difference between the request time and the server's time is too large."}
	}
	return nil
}
