package drivertest

import (
	"bytes"
	"regexp"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

func tamperCases() []testCase {
	return []testCase{
		{name: "exchange-complete", proves: "exchanges say all that a host must know, and expire in the future", run: exchangeComplete},
		{name: "exchange-method", proves: "a signature is good for its method only", run: tamperMethod},
		{name: "exchange-path", proves: "a signature is good for its key only", run: tamperPath},
		{name: "exchange-headers", proves: "a changed or added header is refused", declared: signsRequests, run: tamperHeaders},
		{name: "exchange-part", proves: "a signature for one part is not good for another", declared: signsParts, run: tamperPart},
		{name: "exchange-expired", proves: "an expired exchange is refused as expired", run: expiredExchange},
	}
}

func exchangeComplete(k *check) {
	key := k.key("object")
	get, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign a GET")
	put, err := k.bucket.SignPut(k.ctx, driver.PutRequest{Key: key, Size: 10})
	k.must(err, "sign a PUT")
	for name, exchange := range map[string]driver.Exchange{"GET": get, "PUT": put} {
		if !strings.HasPrefix(exchange.URL, "http://") && !strings.HasPrefix(exchange.URL, "https://") {
			k.errorf("the %s exchange's URL does not begin with http:// or https://", name)
		}
		if left := time.Until(exchange.Expires); left <= 0 || left > 7*24*time.Hour {
			k.errorf("the %s exchange expires in %s, want at most a week from now", name, left)
		}
		if end := k.session.Expires; !end.IsZero() && exchange.Expires.After(end) {
			k.errorf("the %s exchange expires at %s, its session at %s", name, exchange.Expires, end)
		}
		if exchange.Reply == nil || len(exchange.Reply.Accept) == 0 || len(exchange.Reply.RequestID) == 0 {
			k.errorf("the %s exchange does not say which statuses to accept and where the request id is", name)
		}
	}
	if get.Method != "GET" || get.Body.Kind != driver.FramingRaw {
		k.errorf("a download is %s with framing %d", get.Method, get.Body.Kind)
	}
}

func tamperMethod(k *check) {
	key := k.key("object")
	body := data(key, 100)
	k.put(key, body, driver.Attributes{})
	exchange, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign")
	for _, method := range []string{"DELETE", "PUT"} {
		altered := exchange
		altered.Method = method
		if answer, err := k.executor.Do(k.ctx, altered, Send{}); err == nil {
			k.errorf("a signed GET is accepted as %s with status %d", method, answer.Status)
		}
		k.wantObject(key, body)
	}
}

func tamperPath(k *check) {
	mine, other := k.key("object-mine"), k.key("object-else")
	k.put(mine, data(mine, 100), driver.Attributes{})
	k.put(other, data(other, 100), driver.Attributes{})
	get, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: mine})
	k.must(err, "sign")
	put, err := k.bucket.SignPut(k.ctx, driver.PutRequest{Key: mine, Size: 100})
	k.must(err, "sign")
	for name, exchange := range map[string]driver.Exchange{"GET": get, "PUT": put} {
		// The key may stand in the URL or in the prefix of a form.
		exchange.URL = strings.ReplaceAll(exchange.URL, "object-mine", "object-else")
		exchange.Body.Prefix = bytes.ReplaceAll(exchange.Body.Prefix, []byte("object-mine"), []byte("object-else"))
		send := Send{}
		if name == "PUT" {
			send.Body = data("tampered", 100)
		}
		if answer, err := k.executor.Do(k.ctx, exchange, send); err == nil && !bytes.Equal(answer.Body, data(mine, 100)) {
			k.errorf("a %s that was signed for one key is accepted for another", name)
		}
	}
	k.wantObject(other, data(other, 100))
}

func tamperHeaders(k *check) {
	key := k.key("object")
	body := data(key, 100)
	attributes := driver.Attributes{ContentType: "text/one", Metadata: []driver.Metadata{{Name: "colour", Value: "text/one"}}}
	sign := func() driver.Exchange {
		exchange, err := k.bucket.SignPut(k.ctx, k.putRequest(key, body, attributes))
		k.must(err, "sign")
		k.wrote(key)
		return exchange
	}
	changed := sign()
	changed.Header = replaceValues(changed.Header, "text/one", "text/two")
	changed.Body.Prefix = bytes.ReplaceAll(changed.Body.Prefix, []byte("text/one"), []byte("text/two"))

	added := sign()
	get, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign")
	added.Header = append(added.Header[:len(added.Header):len(added.Header)],
		driver.Header{Name: get.Reply.MetadataPrefix + "added", Value: "1"})

	removed := sign()
	removed.Header = nil
	for _, header := range sign().Header {
		if !strings.Contains(header.Value, "text/one") {
			removed.Header = append(removed.Header, header)
		}
	}
	for name, exchange := range map[string]driver.Exchange{"changed": changed, "added": added, "removed": removed} {
		if name == "removed" && len(exchange.Header) == len(sign().Header) {
			continue // attributes travel in a form, whose change was tried
		}
		if answer, err := k.executor.Do(k.ctx, exchange, Send{Body: body}); err == nil {
			k.errorf("a PUT with a %s header is accepted with status %d", name, answer.Status)
		}
		k.wantAbsent(key)
	}
}

func replaceValues(headers []driver.Header, old, replacement string) []driver.Header {
	var replaced []driver.Header
	for _, header := range headers {
		header.Value = strings.ReplaceAll(header.Value, old, replacement)
		replaced = append(replaced, header)
	}
	return replaced
}

// partParameter finds the part number in a URL, as far as stores agree on it.
var partParameter = regexp.MustCompile(`(?i)([?&][a-z-]*part[a-z-]*=)1(&|$)`)

func tamperPart(k *check) {
	u := k.create(k.key("object"), driver.Attributes{})
	body := data("part", 100)
	exchange, err := u.uploader.SignPart(k.ctx, driver.PartRequest{Upload: u.ref, Number: 1, Size: 100})
	k.must(err, "sign")
	altered := exchange
	altered.URL = partParameter.ReplaceAllString(exchange.URL, "${1}2${2}")
	if altered.URL == exchange.URL {
		k.notDeclared() // this store's part numbers stand elsewhere
	}
	if _, err := k.executor.Do(k.ctx, altered, Send{Body: body}); err == nil {
		k.errorf("a signature for part 1 is good for part 2")
	}
	if got := u.parts(); len(got) != 0 {
		k.errorf("a refused part is listed: %+v", got)
	}
}

// expiredExchange signs with a clock that stood eight days ago: longer than any
// store lets a signature live. It uses a handle of its own, because a host may
// sign what many callers ask of one handle with one observation of the clock.
func expiredExchange(k *check) {
	bucket := k.open(&k.harness.Bucket)
	defer func() { k.must(bucket.Close(), "close") }()
	key := k.key("object")
	body := data(key, 100)
	k.put(key, body, driver.Attributes{})
	past := time.Now().Add(-8 * 24 * time.Hour)
	get, err := bucket.SignGet(k.ctx, driver.GetRequest{Key: key, Now: past})
	k.must(err, "sign")
	request := k.putRequest(k.key("other"), body, driver.Attributes{})
	request.Now = past
	put, err := bucket.SignPut(k.ctx, request)
	k.must(err, "sign")
	k.wrote(k.key("other"))
	for name, exchange := range map[string]driver.Exchange{"GET": get, "PUT": put} {
		if exchange.Expires.After(time.Now()) {
			k.errorf("a %s signed at the store's time of eight days ago expires at %s: it ignores Now", name, exchange.Expires)
		}
		send := Send{}
		if name == "PUT" {
			send.Body = body
		}
		_, err := k.executor.Do(k.ctx, exchange, send)
		k.wantKind(err, "an expired "+name, driver.KindExpired)
	}
	k.wantAbsent(k.key("other"))
}
