package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// getLife is how long a signed GET is good: long enough for every range of a large
	// object, short for whoever finds it in a memory dump. OSS allows seven days.
	getLife = time.Hour
	// putLife is how long a signed PUT is good.
	putLife = 15 * time.Minute
	// expiryMargin is how long before its end an exchange is no longer used.
	expiryMargin = 30 * time.Second
)

// getReply and putReply say how the host reads answers.
var getReply, putReply = reply(200, 206), reply(200)

func reply(accept ...int) *driver.Reply {
	return &driver.Reply{
		Accept: accept,
		Capture: []driver.Capture{
			{Field: driver.FieldETag, Name: "etag"},
			{Field: driver.FieldVersionID, Name: versionHeader},
			{Field: driver.FieldStorageClass, Name: classHeader},
			{Field: driver.FieldChecksum, Name: crcHeader, Algorithm: driver.AlgorithmCRC64ECMA, Encoding: driver.EncodingDecimal},
		},
		MetadataPrefix: metadataPrefix, RequestID: dialect.RequestID, Error: dialect.Error, Overridden: forcedHeader,
		RequestIDAlways: dialect.Always, NotCarried: notCarried,
	}
}

// SignGet signs a GET whose Range and If-Match are free. Without its one header OSS
// answers a range that begins behind the end with the whole object.
func (b *bucket) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	plain := unsigned{method: "GET", length: -1, header: []driver.Header{{Name: headerPrefix + "range-behavior", Value: "standard"}}}
	if request.VersionID != "" {
		plain.query = "versionId=" + string(control.AppendQuery(nil, request.VersionID))
	}
	exchange, err := b.exchange(ctx, request.Key, plain, request.Now, getLife)
	exchange.Reply = getReply
	return exchange, b.reporter.Fail("SignGet", request.Key, err)
}

// SignPut signs the PUT of a whole object.
func (b *bucket) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	header, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Exchange{}, b.reporter.Fail("SignPut", request.Key, err)
	}
	exchange, err := b.exchange(ctx, request.Key, unsigned{method: "PUT", length: request.Size, header: header}, request.Now, putLife)
	exchange.Reply = putReply
	return exchange, b.reporter.Fail("SignPut", request.Key, err)
}

// SignPart signs the PUT of one part.
func (b *bucket) SignPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	query := strconv.AppendInt([]byte("partNumber="), int64(request.Number), 10)
	query = control.AppendQuery(append(query, "&uploadId="...), request.Upload.ID)
	plain := unsigned{method: "PUT", length: request.Size, query: string(query)}
	exchange, err := b.exchange(ctx, request.Upload.Key, plain, request.Now, putLife)
	exchange.Reply = putReply
	return exchange, b.reporter.Fail("SignPart", request.Upload.Key, err)
}

// exchange signs a request for a key in its query.
func (b *bucket) exchange(ctx context.Context, key string, request unsigned, observed time.Time, life time.Duration) (driver.Exchange, error) {
	place, err := b.siteOf(ctx, key)
	if err != nil {
		return driver.Exchange{}, err
	}
	keys, err := b.keyring.Keys(ctx)
	if err != nil {
		return driver.Exchange{}, err
	}
	request.header = paid(request.header, place.pays)
	request.path = string(control.AppendPath(append(make([]byte, 0, len(key)+32), '/'), key))
	at := b.clock.At(observed)
	if !anonymous(keys) {
		life = control.Life(keys, life)
		date := at.UTC().Format(timeFormat)
		request.query = b.dayKey(keys, place.region, date[:8]).sign(place.bucket, request, date, life)
	}
	exchange := driver.Exchange{
		Method: request.method, URL: place.root + request.path, Header: request.header,
		Expires: at.Add(life - min(expiryMargin, life/2)),
	}
	if request.query != "" {
		exchange.URL += "?" + request.query
	}
	return exchange, nil
}

// mayWrite refuses a key that OSS would refuse and returns the headers of the
// attributes, class and tags included, and of the location's wishes.
func (b *bucket) mayWrite(key string, attributes driver.Attributes) ([]driver.Header, error) {
	if problem := b.session.KeyRules.Violation(key); problem != "" {
		return nil, control.Invalid("OSS cannot hold the key: %s", problem)
	}
	header, err := attributeHeaders().Headers(attributes)
	if err != nil {
		return nil, err
	}
	if attributes.StorageClass != "" {
		header = append(header, driver.Header{Name: classHeader, Value: attributes.StorageClass})
	}
	if len(attributes.Tags) > 0 {
		pairs := make([]string, len(attributes.Tags))
		for i, tag := range attributes.Tags {
			pairs[i] = string(control.AppendQuery(append(control.AppendQuery(nil, tag.Key), '='), tag.Value))
		}
		header = append(header, driver.Header{Name: headerPrefix + "tagging", Value: strings.Join(pairs, "&")})
	}
	return append(header, b.wishes...), nil
}
