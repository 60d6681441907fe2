package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"sync/atomic"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// bucket is one bucket of COS.
type bucket struct {
	name      string
	place     place
	session   driver.Session
	wishes    []driver.Header // of what begins an object
	reporter  control.Reporter
	keyring   *control.Keyring
	clock     *control.Clock
	transport *http.Transport
	client    *http.Client
	closed    atomic.Bool
}

var (
	_ driver.Bucket       = (*bucket)(nil)
	_ driver.Uploader     = (*bucket)(nil)
	_ driver.UploadLister = (*bucket)(nil)
	_ driver.Copier       = (*bucket)(nil)
	_ driver.Tagger       = (*bucket)(nil)
	_ driver.Restorer     = (*bucket)(nil)
	_ driver.EventParser  = (*bucket)(nil)
)

// Session returns what is fixed for the life of the handle, and when the keys
// held now end.
func (b *bucket) Session() driver.Session {
	session := b.session
	session.Expires = b.keyring.Held().Expires
	return session
}

// Close ends idle connections; later calls fail with KindFatal.
func (b *bucket) Close() error {
	if !b.closed.Swap(true) {
		b.transport.CloseIdleConnections()
	}
	return nil
}

// blame completes the error that a method is about to return.
func (b *bucket) blame(op, key string, err *error) { *err = b.reporter.Fail(op, key, *err) }

// keys returns the keys to sign with, which are zero for anonymous access.
func (b *bucket) keys(ctx context.Context) (credentials.Keys, error) {
	if b.closed.Load() {
		return credentials.Keys{}, &driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"}
	}
	return b.keyring.Keys(ctx)
}

// path returns the path of a key, not escaped. Only requests for the bucket have none.
func (b *bucket) path(key string) (string, error) {
	if key == "" {
		return "", control.Invalid("the key is empty")
	}
	return b.place.path + "/" + key, nil
}

// call is one request of the driver's own.
type call struct {
	method string
	key    string // empty asks the bucket
	query  []driver.Header
	header []driver.Header
	body   any // an XML document; nil for none
}

// do sends a call. An answer that is no success is an error.
func (b *bucket) do(ctx context.Context, c call) (control.Answer, error) {
	keys, err := b.keys(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	var body []byte
	if c.body != nil {
		if body, err = xml.Marshal(c.body); err != nil {
			return control.Answer{}, err
		}
		// Some pages of the documentation ask for it, some do not.
		digest := md5.Sum(body)
		c.header = append(c.header, driver.Header{Name: "content-md5", Value: base64.StdEncoding.EncodeToString(digest[:])},
			driver.Header{Name: "content-type", Value: "application/xml"})
	}
	plain := unsigned{method: c.method, host: b.place.calls, path: b.place.path + "/" + c.key, query: c.query, header: c.header, length: int64(len(body))}
	if c.method != http.MethodPost && c.method != http.MethodPut {
		plain.length = -1 // such requests announce none
	}
	request, err := http.NewRequestWithContext(ctx, c.method, plain.url(b.place.scheme), bytes.NewReader(body))
	if err != nil {
		return control.Answer{}, err
	}
	for _, field := range plain.sign(keys, b.clock.Now(), callLife) {
		request.Header.Set(field.Name, field.Value)
	}
	answer, err := control.Send(b.client, request)
	if err == nil && answer.Status >= 300 {
		return answer, dialect.Failure(dialect.ReadRefusal(answer))
	}
	return answer, err
}

// read decodes the document of an answer. what names it: "a listing".
func read(what string, answer control.Answer, into any) error {
	if err := xml.Unmarshal(answer.Body, into); err != nil {
		return dialect.Foreign(what, answer, err)
	}
	return nil
}
