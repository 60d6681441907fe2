package control

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Asked is what a page of a listing was asked for. What is empty was not asked. No page is
// asked for with a delimiter.
type Asked struct {
	Bucket string
	Prefix string
	Key    string // of a list of parts
	Upload string // of a list of parts
	Token  string // with which the page goes on, as it was sent
	After  string // the key or part after which it begins
}

// Listed is what a page of a listing says of itself beside its entries, in the elements that
// S3, OSS and COS share. A nil field is an element that the page does not have.
type Listed struct {
	Bucket    *string // Name, in lists of uploads and parts Bucket
	Prefix    *string // URL-encoded or not
	Key       *string // of a list of parts
	Upload    *string // UploadId
	Truncated *string // IsTruncated
	Count     *string // KeyCount
	Next      string  // whatever leads to the next page
	Delimiter string
	Grouped   bool // it has CommonPrefixes
	// Begins are the elements that repeat where the page was to begin: ContinuationToken,
	// StartAfter, Marker, KeyMarker, PartNumberMarker. Leave out those of the protocols
	// and vendors that are not known to repeat what was sent.
	Begins []string
}

// Mismatch is why an answer in the store's own words is not the answer to what was asked: a
// proxy or cache gave another one, or the store lost a part of it. [Dialect.Foreign] tells it.
type Mismatch string

// Error says what is wrong, as "it …".
func (m Mismatch) Error() string { return string(m) }

// Check returns a [Mismatch] where a page is not what was asked for, or does not say whether
// it is the last one. entries is how many it has. Every page says IsTruncated; the other
// elements are compared where they are there. Sources: Amazon S3 API reference,
// ListObjectsV2 and ListParts;
// https://www.alibabacloud.com/help/en/oss/developer-reference/listobjectsv2;
// https://www.tencentcloud.com/document/product/436/7734.
func (l Listed) Check(asked Asked, entries int) error {
	if err := asked.Echo(l.Bucket, l.Key, l.Upload); err != nil {
		return err
	}
	for _, told := range l.Begins {
		if !asked.begins(told) {
			return Mismatch(fmt.Sprintf("it begins after %q, and was asked to begin after %q", told, cmp.Or(asked.Token, asked.After)))
		}
	}
	switch {
	case !echoed(l.Prefix, asked.Prefix):
		return Mismatch(fmt.Sprintf("it is of prefix %q, %q was asked for", *l.Prefix, asked.Prefix))
	case l.Grouped || l.Delimiter != "":
		return Mismatch(fmt.Sprintf("it groups keys by the delimiter %q, and none was asked for", l.Delimiter))
	case l.Count != nil && *l.Count != strconv.Itoa(entries):
		return Mismatch(fmt.Sprintf("it says that it has %s keys and has %d", *l.Count, entries))
	case l.Truncated == nil || *l.Truncated != "true" && *l.Truncated != "false":
		return Mismatch("it does not say whether more pages follow")
	case *l.Truncated == "true" && l.Next == "":
		return Mismatch("it says that more pages follow, and not where")
	case *l.Truncated == "false" && l.Next != "":
		return Mismatch("it says that no page follows, and where the next one is")
	}
	return nil
}

// Echo returns a [Mismatch] where an answer names another bucket, key or upload than was
// asked for. nil is what it does not name.
func (a Asked) Echo(bucket, key, upload *string) error {
	for _, echo := range []struct {
		what  string
		told  *string
		asked string
	}{{"bucket", bucket, a.Bucket}, {"key", key, a.Key}, {"upload", upload, a.Upload}} {
		if echo.asked != "" && !echoed(echo.told, echo.asked) {
			return Mismatch(fmt.Sprintf("it is of %s %q, %q was asked for", echo.what, *echo.told, echo.asked))
		}
	}
	return nil
}

// begins says whether what a page tells of its begin may be what was asked for. Stores leave
// such an element out, or empty, and do not agree about which of them it is: versitygw has
// the key of start-after as a ContinuationToken too. The first part comes after 0.
func (a Asked) begins(told string) bool {
	return told == "" || told == "0" && a.Upload != "" || echoed(&told, a.Token) || echoed(&told, a.After) || sameToken(told, a.Token)
}

// sameToken says whether a token of base64 is told in another form: as what it holds, or as
// MinIO of some releases does, which adds the number of a node, as in "key@1", and takes it
// off before it repeats the rest. Source: minio/minio, cmd/bucket-listobjects-handlers.go,
// parseRequestToken.
func sameToken(told, asked string) bool {
	held := fromBase64(asked)
	rest, found := strings.CutPrefix(held, fromBase64(told))
	if !found || rest == "" {
		return found
	}
	_, err := strconv.Atoi(strings.TrimPrefix(rest, "@"))
	return err == nil && rest[0] == '@'
}

// fromBase64 returns what a token holds, and a text that is no base64 as it is.
func fromBase64(token string) string {
	held, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return token
	}
	return string(held)
}

// echoed says whether what an answer tells may be what was asked for. Stores do not agree
// about what encoding-type=url is for, nor about what "+" is then, and XML cannot carry
// every text.
func echoed(told *string, asked string) bool {
	if told == nil || *told == asked || !utf8.ValidString(asked) || strings.ContainsFunc(asked, unicode.IsControl) {
		return true
	}
	for _, decode := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
		if decoded, err := decode(*told); err == nil && decoded == asked {
			return true
		}
	}
	return false
}
