package control

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Asked is what a page of a listing was asked for. What is empty was not asked.
type Asked struct {
	Bucket string
	Prefix string
	Key    string // of a list of parts
	Upload string // of a list of parts
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
	switch {
	case !echoed(l.Prefix, asked.Prefix):
		return Mismatch(fmt.Sprintf("it is of prefix %q, %q was asked for", *l.Prefix, asked.Prefix))
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

// echoed says whether what an answer tells may be what was asked for. Stores do not agree
// about what encoding-type=url is for, and XML cannot carry every text.
func echoed(told *string, asked string) bool {
	if told == nil || *told == asked || !utf8.ValidString(asked) || strings.ContainsFunc(asked, unicode.IsControl) {
		return true
	}
	decoded, err := url.QueryUnescape(*told)
	return err == nil && decoded == asked
}
