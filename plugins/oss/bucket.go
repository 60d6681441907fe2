package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	ossCredentials "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// bucket is one bucket of OSS. It is safe for concurrent use.
type bucket struct {
	place     place
	session   driver.Session
	wishes    []driver.Header // of what begins an object
	keyring   *control.Keyring
	clock     control.Clock
	transport *http.Transport
	client    *http.Client
	reporter  control.Reporter
	derived   atomic.Pointer[dayKey]
	closed    atomic.Bool

	locating sync.Mutex
	located  atomic.Pointer[site]
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

// Session returns what is fixed for the life of the handle, and when the keys held
// now end.
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

// site returns where the bucket is and finds it out at the first call.
func (b *bucket) site(ctx context.Context) (*site, error) {
	if b.closed.Load() {
		return nil, &driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"}
	}
	if found := b.located.Load(); found != nil {
		return found, nil
	}
	b.locating.Lock()
	defer b.locating.Unlock()
	if found := b.located.Load(); found != nil {
		return found, nil
	}
	where, err := b.discover(ctx, b.place)
	if err != nil {
		return nil, err
	}
	b.located.Store(b.at(where))
	return b.located.Load(), nil
}

// siteOf is site for a request with a key.
func (b *bucket) siteOf(ctx context.Context, key string) (*site, error) {
	if key == "" {
		return nil, control.Invalid("the key is empty")
	}
	return b.site(ctx)
}

// host names the store in messages.
func (b *bucket) host() string {
	if found := b.located.Load(); found != nil {
		return found.endpoint.Host
	}
	if b.place.endpoint != nil {
		return b.place.endpoint.Host
	}
	return "OSS"
}

// newSDK returns the client of the control calls for a bucket's place. Its retries, log,
// checksums and redirects are off, and its clock is ours.
func (b *bucket) newSDK(p place) *oss.Client {
	config := &oss.Config{
		Region: &p.region, Endpoint: oss.Ptr(p.endpoint.String()), UseCName: &p.domain,
		HttpClient: b.client, Retryer: retry.NopRetryer{}, RetryMaxAttempts: oss.Ptr(1),
		CredentialsProvider: ossCredentials.CredentialsProviderFunc(b.keys),
	}
	return oss.NewClient(config, func(o *oss.Options) {
		o.Signer, o.FeatureFlags = clockSigner{clock: &b.clock, pays: p.pays}, 0
	})
}

// keys serves the keyring to the SDK.
func (b *bucket) keys(ctx context.Context) (ossCredentials.Credentials, error) {
	held, err := b.keyring.Keys(ctx)
	return ossCredentials.Credentials{AccessKeyID: held.AccessKeyID, AccessKeySecret: held.SecretAccessKey, SecurityToken: held.SessionToken}, err
}

// clockSigner signs control calls by the store's clock, and those without keys not at all.
// Each says that the requester pays, where that is so.
type clockSigner struct {
	signer.SignerV4
	clock *control.Clock
	pays  bool
}

func (c clockSigner) Sign(ctx context.Context, request *signer.SigningContext) error {
	if *request.Credentials == (ossCredentials.Credentials{}) {
		return nil
	}
	request.Time = c.clock.Now()
	if c.pays {
		request.Request.Header.Set(payHeader, requester)
	}
	return c.SignerV4.Sign(ctx, request)
}

// anonymous says that keys are none.
func anonymous(keys credentials.Keys) bool { return keys.AccessKeyID == "" }
