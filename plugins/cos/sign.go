package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// This file is https://www.tencentcloud.com/document/product/436/7778. The SDK's own
// AddAuthorizationHeader computes the same in three times the processor time.

const (
	getLife  = time.Hour        // long enough for every range of a large object
	putLife  = 15 * time.Minute // a body must begin within it
	callLife = 5 * time.Minute
	// early is how long before now a signature begins: the store's clock may be behind.
	early = 5 * time.Minute
	// expiryMargin is how long before its end an exchange is no longer used.
	expiryMargin = 30 * time.Second
)

// unsigned is a request before it is signed.
type unsigned struct {
	method string
	host   string
	path   string          // not escaped
	query  []driver.Header // in the order of the URL, whose first parameter decides what is asked for
	header []driver.Header // names in lower case
	length int64           // of the body; -1 for no Content-Length
}

// url returns the request's URL.
func (r unsigned) url(scheme string) string {
	text := make([]byte, 0, len(scheme)+len(r.host)+len(r.path)+64)
	text = append(append(append(text, scheme...), "://"...), r.host...)
	text = control.AppendPath(text, r.path)
	for i, parameter := range r.query {
		text = append(append(text, "?&"[min(i, 1)]), parameter.Name...)
		if parameter.Value != "" {
			text = control.AppendQuery(append(text, '='), parameter.Value)
		}
	}
	return string(text)
}

// sign returns the request's headers with the session token and the signature, which
// covers method, host, path, the whole query, the length and all headers. Without keys
// they are returned as they are.
func (r unsigned) sign(keys credentials.Keys, at time.Time, life time.Duration) []driver.Header {
	if keys.AccessKeyID == "" {
		return r.header
	}
	header := slices.Grow(slices.Clip(r.header), 2)
	if keys.SessionToken != "" {
		header = append(header, driver.Header{Name: "x-cos-security-token", Value: keys.SessionToken})
	}
	fields := append(make([]driver.Header, 0, len(header)+2), header...)
	fields = append(fields, driver.Header{Name: "host", Value: r.host})
	if r.length >= 0 {
		fields = append(fields, driver.Header{Name: "content-length", Value: strconv.FormatInt(r.length, 10)})
	}
	text := append(make([]byte, 0, 2<<10), strings.ToLower(r.method)...)
	text = append(append(append(text, '\n'), r.path...), '\n')
	text, parameters := appendPairs(text, slices.Clone(r.query))
	text, names := appendPairs(append(text, '\n'), fields)
	text = append(text, '\n')

	window := strconv.FormatInt(at.Add(-early).Unix(), 10) + ";" + strconv.FormatInt(at.Add(life).Unix(), 10)
	digest := sha1.Sum(text)
	signature := sum(sum([]byte(keys.SecretAccessKey), window), "sha1\n"+window+"\n"+hex.EncodeToString(digest[:])+"\n")
	return append(header, driver.Header{Name: "authorization", Value: "q-sign-algorithm=sha1&q-ak=" + keys.AccessKeyID +
		"&q-sign-time=" + window + "&q-key-time=" + window +
		"&q-header-list=" + names + "&q-url-param-list=" + parameters + "&q-signature=" + string(signature)})
}

// appendPairs appends names and values as the signature wants them, sorted by name,
// and returns the names as its lists want them. It reorders fields.
func appendPairs(text []byte, fields []driver.Header) ([]byte, string) {
	for i := range fields {
		fields[i].Name = strings.ToLower(fields[i].Name)
	}
	slices.SortFunc(fields, func(a, b driver.Header) int { return strings.Compare(a.Name, b.Name) })
	names := make([]byte, 0, 256)
	for i, field := range fields {
		if i > 0 {
			text, names = append(text, '&'), append(names, ';')
		}
		text = control.AppendQuery(append(append(text, field.Name...), '='), field.Value)
		names = append(names, field.Name...)
	}
	return text, string(names)
}

// sum returns the HMAC-SHA1 of the text in hex.
func sum(key []byte, text string) []byte {
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(text))
	return hex.AppendEncode(nil, mac.Sum(nil))
}
