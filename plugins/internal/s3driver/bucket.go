// Package s3driver is what the S3 plugins share: one bucket of a store that
// speaks S3, its control calls, and the signing of its exchanges.
package s3driver

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"github.com/dth-dev/dth/plugins/internal/vault"
	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// Config says which bucket to open and how.
type Config struct {
	Bucket      string
	Identity    string // see driver.Session
	Credentials string // reference
	Role        Role   // to take on with these credentials
	Profile     Profile
	Transport   driver.Transport
	Wishes      Wishes

	// Locate finds out where the bucket is. It is called at the first request
	// and again after a failure, never at Open.
	Locate func(ctx context.Context, client *http.Client) (Location, error)

	// Beside returns the configuration of another bucket from the options of its
	// location, for copies inside the store.
	Beside func(ctx context.Context, source driver.CopySource) (Config, error)
}

// Bucket is one bucket. It implements driver.Bucket and every ability; which of them
// the store has, its profile says.
type Bucket struct {
	config    Config
	session   driver.Session
	aliases   driver.KeyRules // the rules that the store breaks by taking one key for another
	dialect   control.Dialect
	reporter  control.Reporter
	keyring   *control.Keyring
	signers   signers
	clock     *control.Clock
	transport *http.Transport
	client    *http.Client
	replies   replies
	closed    atomic.Bool

	locating sync.Mutex
	located  atomic.Pointer[located]
}

// located is what depends on the bucket's place.
type located struct {
	Location
	root string // "https://HOST"
	sdk  *s3.Client
}

var (
	_ driver.Bucket       = (*Bucket)(nil)
	_ driver.Uploader     = (*Bucket)(nil)
	_ driver.UploadLister = (*Bucket)(nil)
	_ driver.Copier       = (*Bucket)(nil)
	_ driver.Tagger       = (*Bucket)(nil)
	_ driver.Restorer     = (*Bucket)(nil)
	_ driver.EventParser  = (*Bucket)(nil)
)

// Open prepares access to a bucket and resolves its credentials; it asks the
// store nothing.
func Open(ctx context.Context, config Config) (*Bucket, error) {
	if err := control.CheckBucket(config.Bucket); err != nil {
		return nil, control.FailOpen(config.Bucket, err)
	}
	if err := config.Wishes.check(config.Credentials); err != nil {
		return nil, control.FailOpen(config.Bucket, err)
	}
	session, err := config.Profile.session()
	if err != nil {
		return nil, control.FailOpen(config.Bucket, err)
	}
	transport, err := control.NewTransport(config.Transport)
	if err != nil {
		return nil, control.FailOpen(config.Bucket, err)
	}
	keyring, err := control.OpenKeyring(ctx, config.Credentials, awsSource, vault.Open)
	if err == nil {
		keyring, err = config.Role.take(ctx, keyring)
	}
	if err != nil {
		return nil, control.FailOpen(config.Bucket, err)
	}
	session.Identity, session.Transport = config.Identity, config.Transport
	if config.Wishes.Encryption == encryptionKMS {
		// Source: Amazon S3 API reference, Object, ETag: no MD5 of objects encrypted so.
		session.Checksums.ETagMD5 = false
	}
	clock := &control.Clock{}
	aliases := driver.KeyRules{
		NoEmptySegment: session.KeyRules.NoEmptySegment, NoDotSegment: session.KeyRules.NoDotSegment,
		NoLeadingSlash: session.KeyRules.NoLeadingSlash,
	}
	bucket := &Bucket{
		config: config, session: session, aliases: aliases, dialect: dialect(config.Profile), keyring: keyring, clock: clock,
		transport: transport, client: control.NewClient(accepting(config.Profile, transport), clock), replies: newReplies(config.Profile),
	}
	bucket.reporter = bucket.newReporter()
	return bucket, nil
}

// Session returns what is fixed for the life of the handle, and when the keys
// held now end.
func (b *Bucket) Session() driver.Session {
	session := b.session
	session.Expires = b.keyring.Held().Expires
	return session
}

// Close ends idle connections; later calls fail with KindFatal.
func (b *Bucket) Close() error {
	if !b.closed.Swap(true) {
		b.transport.CloseIdleConnections()
	}
	return nil
}

// locate returns the bucket's place and finds it out at the first call.
func (b *Bucket) locate(ctx context.Context) (*located, error) {
	if b.closed.Load() {
		return nil, &driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"}
	}
	if place := b.located.Load(); place != nil {
		return place, nil
	}
	b.locating.Lock()
	defer b.locating.Unlock()
	if place := b.located.Load(); place != nil {
		return place, nil
	}
	location, err := b.config.Locate(ctx, b.client)
	if err != nil {
		return nil, err
	}
	place := &located{Location: location, root: location.Scheme + "://" + location.Host}
	place.sdk = b.newSDK(location)
	b.located.Store(place)
	return place, nil
}

// newSDK returns the client of the control calls. Its retries and checksums are
// off, and its clock is ours.
func (b *Bucket) newSDK(location Location) *s3.Client {
	options := s3.Options{
		Region:                      location.Region,
		Credentials:                 provider{b.keyring},
		HTTPClient:                  b.client,
		Retryer:                     aws.NopRetryer{},
		EndpointResolverV2:          fixedEndpoint(location),
		HTTPSignerV4:                clockSigner{clock: b.clock},
		RequestChecksumCalculation:  aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation:  aws.ResponseChecksumValidationWhenRequired,
		DisableClockSkewCorrection:  true,
		DisableS3ExpressSessionAuth: aws.Bool(true),
	}
	b.config.Wishes.pay(&options)
	if b.config.Credentials == string(credentials.Anonymous) {
		options.Credentials = aws.AnonymousCredentials{}
	}
	return s3.New(options)
}

// fixedEndpoint answers with the place that signed exchanges go to as well.
type fixedEndpoint Location

func (f fixedEndpoint) ResolveEndpoint(context.Context, s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	return smithyendpoints.Endpoint{URI: url.URL{Scheme: f.Scheme, Host: f.Host, Path: f.Path}}, nil
}

// clockSigner signs control calls by the store's clock.
type clockSigner struct {
	clock *control.Clock
}

func (c clockSigner) SignHTTP(
	ctx context.Context, keys aws.Credentials, request *http.Request, payload, service, region string, _ time.Time,
	options ...func(*v4.SignerOptions),
) error {
	plainer(request)
	// S3 alone does not escape the path twice. The SDK learns that from the rules
	// of Amazon's endpoints, which a fixed endpoint does without.
	options = append(options, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return v4.NewSigner().SignHTTP(ctx, keys, request, payload, service, region, c.clock.Now(), options...)
}

// accepting has every HEAD accept what the profile says, so that it tells of the object as
// it is stored. Other calls do not: their documents would come compressed. The header is added
// below the signature.
func accepting(profile Profile, next http.RoundTripper) http.RoundTripper {
	if profile.AcceptEncoding == "" {
		return next
	}
	return acceptor{next: next, encoding: profile.AcceptEncoding}
}

type acceptor struct {
	next     http.RoundTripper
	encoding string
}

func (a acceptor) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodHead {
		request = request.Clone(request.Context()) // a RoundTripper must not change what it was given
		request.Header.Set("Accept-Encoding", a.encoding)
	}
	return a.next.RoundTrip(request)
}

// plainer takes from a request what the SDK adds for Amazon alone. Google Cloud Storage
// refuses x-id, and changes Accept-Encoding before it checks the signature, as proxies
// do with what names a client. Sources: https://github.com/rclone/rclone/issues/6670
// and rclone's backend/s3/provider/GCS.yaml.
func plainer(request *http.Request) {
	for _, name := range []string{"Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"} {
		request.Header.Del(name)
	}
	query := request.URL.Query()
	if query.Has("x-id") {
		query.Del("x-id")
		request.URL.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	}
}
