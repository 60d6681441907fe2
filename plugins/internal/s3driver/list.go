package s3driver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// List returns one page. It is the one control call that runs hundreds of times
// a second, so it is signed and decoded here and not by the SDK.
func (b *Bucket) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := b.list(ctx, request)
	return page, b.reporter.Fail("List", "", err)
}

func (b *Bucket) list(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	var header []driver.Header
	if b.config.Profile.Listing.Restores {
		header = []driver.Header{restoresHeader}
	}
	reply, err := b.get(ctx, "", b.config.Profile.Listing.query(request), header)
	if err != nil {
		return driver.ListPage{}, err
	}
	if reply.Status != http.StatusOK {
		return driver.ListPage{}, b.read(reply)
	}
	asked := control.Asked{Bucket: b.named(), Prefix: request.Prefix, Token: request.Token, After: request.StartAfter}
	page, err := b.config.Profile.Listing.parse(reply.Body, asked)
	if err != nil {
		return driver.ListPage{}, b.dialect.Foreign("a listing", reply, err)
	}
	for i := range page.Objects {
		if object := &page.Objects[i]; object.Frozen {
			class, _ := b.session.Class(object.StorageClass)
			object.Frozen = class.Tier.MustRestore() // others are read as they are
		}
	}
	return page, nil
}

// named returns the name that answers give the bucket. What they give to one that was asked
// for by the alias of an access point is not documented. Source: Amazon S3 user guide,
// "Access point aliases": they end in -s3alias, those of Object Lambda in --ol-s3.
func (b *Bucket) named() string {
	name := b.config.Bucket
	if strings.HasSuffix(name, "-s3alias") || strings.HasSuffix(name, "--ol-s3") {
		return ""
	}
	return name
}

// restoresHeader has a listing tell which archived objects were restored. Source: Amazon S3
// API reference, ListObjectsV2, x-amz-optional-object-attributes: Contents then have a
// RestoreStatus, with a RestoreExpiryDate where the object can be read.
var restoresHeader = driver.Header{Name: "x-amz-optional-object-attributes", Value: "RestoreStatus"}

// query returns the query of a page, sorted as signatures want it. The token of
// version 1 is the last key of the page before.
func (l Listing) query(request driver.ListRequest) string {
	var query []byte
	add := func(name, value string) {
		if value == "" {
			return
		}
		if len(query) > 0 {
			query = append(query, '&')
		}
		query = control.AppendQuery(append(append(query, name...), '='), value)
	}
	after := request.StartAfter
	if request.Token != "" {
		after = ""
	}
	if !l.V1 {
		add("continuation-token", request.Token)
	}
	if !l.NoEncoding {
		add("encoding-type", "url")
	}
	if l.V1 {
		add("marker", request.Token+after)
	} else {
		add("list-type", "2")
	}
	if request.MaxKeys > 0 {
		add("max-keys", strconv.Itoa(request.MaxKeys))
	}
	add("prefix", request.Prefix)
	if !l.V1 {
		add("start-after", after)
	}
	return string(query)
}

// get sends one signed GET and reads the answer. An empty key asks the bucket.
func (b *Bucket) get(ctx context.Context, key, query string, header []driver.Header) (control.Answer, error) {
	place, signer, err := b.prepareCall(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	plain := unsigned{method: "GET", host: place.Host, path: place.keyPath(key), query: query, header: b.config.Wishes.paid(header), length: -1}
	if signer != nil {
		plain.header = signer.signHeader(plain, emptyPayload, b.clock.Now())
	}
	target := &url.URL{Scheme: place.Scheme, Host: place.Host, Opaque: "//" + place.Host + plain.path, RawQuery: query}
	request, err := http.NewRequestWithContext(ctx, plain.method, place.root, nil)
	if err != nil {
		return control.Answer{}, err
	}
	request.URL = target
	for _, field := range plain.header {
		request.Header.Set(field.Name, field.Value)
	}
	return control.Send(b.client, request)
}

// decodeKey undoes encoding-type=url, exactly once, where the store says that it
// applied it. "+" stands for a space: a plus sign itself comes as %2B.
func decodeKey(text string, encoded bool) (string, error) {
	if !encoded {
		return text, nil
	}
	key, err := url.QueryUnescape(text)
	if err != nil {
		return "", fmt.Errorf("key %q is not URL-encoded: %w", text, err)
	}
	return key, nil
}
