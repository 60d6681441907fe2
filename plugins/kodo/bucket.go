package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/qiniu/go-sdk/v7/auth"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// bucket is one bucket of Kodo.
type bucket struct {
	name      string
	endpoint  *url.URL // of uc
	domain    *url.URL // to download from; nil for the bucket's source domain
	session   driver.Session
	reporter  control.Reporter
	keyring   *control.Keyring
	clock     *control.Clock
	transport *http.Transport
	client    *http.Client
	closed    atomic.Bool

	locating sync.Mutex // held while asking where the bucket is
	located  atomic.Pointer[place]
}

var (
	_ driver.Bucket      = (*bucket)(nil)
	_ driver.Uploader    = (*bucket)(nil)
	_ driver.Copier      = (*bucket)(nil)
	_ driver.Restorer    = (*bucket)(nil)
	_ driver.EventParser = (*bucket)(nil)
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

// call is one request of the driver's own.
type call struct {
	method string
	url    string
	body   any // sent as JSON; nil for none
}

// send sends a call under an authorization, which may be empty. An answer that is no
// success is an error.
func (b *bucket) send(ctx context.Context, c call, authorization string) (control.Answer, error) {
	request, err := c.request(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	return b.exchangeCall(request)
}

// manage sends a call signed as requests to manage objects are. The SDK signs: method,
// path, query, host and every X-Qiniu- header.
func (b *bucket) manage(ctx context.Context, c call, keys credentials.Keys) (control.Answer, error) {
	request, err := c.request(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	request.Header.Set("X-Qiniu-Date", b.clock.Now().UTC().Format("20060102T150405Z"))
	if err := auth.New(keys.AccessKeyID, keys.SecretAccessKey).AddToken(auth.TokenQiniu, request); err != nil {
		return control.Answer{}, err
	}
	return b.exchangeCall(request)
}

func (c call) request(ctx context.Context) (*http.Request, error) {
	if c.body == nil {
		return http.NewRequestWithContext(ctx, c.method, c.url, nil)
	}
	document, err := json.Marshal(c.body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(document))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}

func (b *bucket) exchangeCall(request *http.Request) (control.Answer, error) {
	answer, err := control.Send(b.client, request)
	switch {
	case err != nil:
		return answer, err
	case answer.Status >= 300 && answer.Status != callbackFailed:
		return answer, refused(answer)
	case answer.Header.Get("X-Reqid") == "" && answer.Header.Get("X-Log") == "":
		// The vendor's SDK calls such answers hijacked: somebody on the way made them.
		return answer, &driver.Error{Kind: driver.KindUnavailable, Status: answer.Status, Message: "the answer has no X-Reqid: it is not Kodo's"}
	}
	return answer, nil
}

// object sends an operation on one object to rs: "/stat/" and the like, and what comes
// after the encoded entry. It returns the answer's document.
func (b *bucket) object(ctx context.Context, operation, key, rest string) (control.Answer, error) {
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	if key == "" {
		return control.Answer{}, errNoKey
	}
	return b.manage(ctx, call{method: http.MethodPost, url: at.rs + operation + entry(b.name, key) + rest}, keys)
}

// entry encodes what a path of rs names.
func entry(bucket, key string) string {
	return base64.URLEncoding.EncodeToString([]byte(bucket + ":" + key))
}
