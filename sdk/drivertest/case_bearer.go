package drivertest

import (
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// bearerCases are for stores whose uploads carry a token instead of a signature of the
// request. They prove what such a token is bound to. Its key, for whole objects, and its
// deadline are proven as for every store: exchange-path, exchange-expired.
func bearerCases() []testCase {
	return []testCase{
		{name: "bearer-put-size", proves: "an upload token is good for no body longer than was asked for", declared: isBearer, run: bearerPutSize},
		{name: "bearer-part-key", proves: "the token of one key's parts is not good for another key's upload", declared: bearsParts, run: bearerPartKey},
	}
}

func isBearer(s driver.Session) bool      { return s.Has(driver.CapabilityBearerUploads) }
func signsRequests(s driver.Session) bool { return !isBearer(s) }
func bearsParts(s driver.Session) bool    { return isBearer(s) && canUpload(s) }
func signsParts(s driver.Session) bool    { return signsRequests(s) && canUpload(s) }

func bearerPutSize(k *check) {
	key := k.key("object")
	body := data(key, 1000)
	exchange, err := k.bucket.SignPut(k.ctx, k.putRequest(key, body, driver.Attributes{}))
	k.must(err, "sign")
	k.wrote(key)
	if _, err := k.executor.Do(k.ctx, exchange, Send{Body: append(body[:1000:1000], 'x')}); err == nil {
		k.errorf("a longer body than was asked for is accepted")
	}
	k.wantAbsent(key)
}

// bearerPartKey sends the exchange of one key's part to the path of another's: tokens
// travel in headers or in the query.
func bearerPartKey(k *check) {
	mine, other := k.create(k.key("mine"), driver.Attributes{}), k.create(k.key("other"), driver.Attributes{})
	exchange, err := mine.uploader.SignPart(k.ctx, driver.PartRequest{Upload: mine.ref, Number: 1, Size: 100})
	k.must(err, "sign")
	target, err := other.uploader.SignPart(k.ctx, driver.PartRequest{Upload: other.ref, Number: 1, Size: 100})
	k.must(err, "sign")
	_, query, hasQuery := strings.Cut(exchange.URL, "?")
	exchange.URL, _, _ = strings.Cut(target.URL, "?")
	if hasQuery {
		exchange.URL += "?" + query
	}
	if _, err := k.executor.Do(k.ctx, exchange, Send{Body: data("part", 100)}); err == nil {
		k.errorf("the token of one key is good for a part of another")
	}
	if got := other.parts(); len(got) != 0 {
		k.errorf("a refused part is listed: %+v", got)
	}
}
