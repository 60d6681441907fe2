package memdriver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

const maxPut = 5 << 30

// bucket is one open handle.
type bucket struct {
	settings
	name     string
	account  string
	secret   string
	client   *http.Client
	getReply *driver.Reply
	putReply *driver.Reply
	closed   atomic.Bool
}

var (
	_ driver.Bucket       = (*bucket)(nil)
	_ driver.Uploader     = (*bucket)(nil)
	_ driver.UploadLister = (*bucket)(nil)
)

func newBucket(name, account, secret string, set settings) *bucket {
	get, put := replies(set.replies)
	return &bucket{
		settings: set, name: name, account: account, secret: secret,
		client: newClient(set.dial), getReply: get, putReply: put,
	}
}

func (b *bucket) Session() driver.Session {
	return driver.Session{
		Identity: strings.TrimPrefix(b.origin, "http://") + "/" + b.name,
		Capabilities: []driver.Capability{
			driver.CapabilityUploader, driver.CapabilityUploadLister, driver.CapabilityConditionalGet,
			driver.CapabilityCopier, driver.CapabilityTagger, driver.CapabilityRestorer, driver.CapabilityEventParser,
		},
		Limits: driver.Limits{
			MaxPut: maxPut, MinPart: b.minPart, MaxPart: maxPut, MaxParts: maxPartNumber, MaxObject: maxPartNumber * maxPut,
			MaxMetadata: maxMetadata, MaxKeys: maxPageKeys, MaxCopy: maxCopy, MaxTags: maxTags,
			ListOrdered: !b.unordered, ListStartAfter: !b.unordered, StronglyConsistent: true,
		},
		Checksums:      driver.Checksums{Stored: []driver.Algorithm{driver.AlgorithmCRC64NVME}, ETagMD5: true},
		KeyRules:       driver.KeyRules{MaxBytes: maxKeyBytes},
		StorageClasses: slices.Clone(classes),
		Transport:      driver.Transport{Proxy: "none"},
	}
}

func (b *bucket) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	if request.MaxKeys < 0 {
		return driver.ListPage{}, b.invalid("List", "", "MaxKeys must not be negative")
	}
	return send[driver.ListPage](ctx, b, "List", "", listRequest{request, b.unordered})
}

func (b *bucket) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	if err := b.check("Stat", request.Key, request.VersionID); err != nil {
		return driver.Object{}, err
	}
	return send[driver.Object](ctx, b, "Stat", request.Key, request)
}

func (b *bucket) Delete(ctx context.Context, request driver.DeleteRequest) error {
	if err := b.check("Delete", request.Key, ""); err != nil {
		return err
	}
	_, err := send[done](ctx, b, "Delete", request.Key, request)
	return err
}

func (b *bucket) SignGet(_ context.Context, request driver.GetRequest) (driver.Exchange, error) {
	if err := b.check("SignGet", request.Key, request.VersionID); err != nil {
		return driver.Exchange{}, err
	}
	return b.sign(http.MethodGet, request.Key, request.Now, grant{}, b.getReply), nil
}

func (b *bucket) SignPut(_ context.Context, request driver.PutRequest) (driver.Exchange, error) {
	if err := b.check("SignPut", request.Key, ""); err != nil {
		return driver.Exchange{}, err
	}
	if request.Size < 0 || request.Size > maxPut {
		return driver.Exchange{}, b.invalid("SignPut", request.Key, "one PUT carries 0 bytes to 5 GiB")
	}
	if problem := checkAttributes(request.Attributes); problem != "" {
		return driver.Exchange{}, b.invalid("SignPut", request.Key, problem)
	}
	fields := headersOf(request.Attributes)
	if request.Checksum.Algorithm == driver.AlgorithmCRC64NVME {
		fields = append(fields, driver.Header{Name: checksumHeader, Value: wireChecksum(request.Checksum)})
	}
	return b.signBody("SignPut", request.Key, request.Size, request.Now, fields, "")
}

func (b *bucket) Close() error {
	if !b.closed.Swap(true) {
		b.client.CloseIdleConnections()
	}
	return nil
}

// check refuses a closed handle, a key that the store cannot hold, and versions,
// which it does not keep.
func (b *bucket) check(op, key, version string) error {
	if b.closed.Load() {
		return b.failure(op, key, driver.Error{Kind: driver.KindFatal, Message: "the bucket handle is closed"})
	}
	if problem := b.Session().KeyRules.Violation(key); problem != "" {
		return b.invalid(op, key, problem)
	}
	if version != "" {
		return b.failure(op, key, driver.Error{Kind: driver.KindUnsupported, Message: "the store keeps no versions"})
	}
	return nil
}

func (b *bucket) invalid(op, key, message string) error {
	return b.failure(op, key, driver.Error{Kind: driver.KindInvalidArgument, Message: message})
}

func (b *bucket) failure(op, key string, e driver.Error) error {
	e.Op, e.Bucket, e.Key = op, b.name, key
	return &e
}

// unreachable is the failure of a request without an answer.
func (b *bucket) unreachable(op, key string, err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err // the cause, without the URL that carries the signature
	}
	return b.failure(op, key, driver.Error{Kind: driver.KindUnavailable, Message: "no answer from the store: " + err.Error(), Err: err})
}

// now is the store's clock as far as anybody knows it.
func now(observed time.Time) time.Time {
	if observed.IsZero() {
		return time.Now()
	}
	return observed
}
