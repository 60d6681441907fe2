package host

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// closeGrace bounds how long a plugin may take to close a bucket.
const closeGrace = 500 * time.Millisecond

// bucket is one opened bucket of a plugin, on whichever process runs. It has the methods of
// every ability; driver.As keeps callers from those that the store lacks.
type bucket struct {
	plugin      *Plugin
	request     driver.OpenRequest
	closePlugin func() error // nil unless the bucket owns its plugin

	gate     chan struct{} // held by who opens the bucket on a new process
	attached atomic.Pointer[attachment]
	session  atomic.Pointer[driver.Session]
	closed   atomic.Bool
}

// attachment is the bucket as one process has it open.
type attachment struct {
	instance *instance
	handle   uint64
	signer   *signer
}

var (
	_ driver.Bucket       = (*bucket)(nil)
	_ driver.Uploader     = (*bucket)(nil)
	_ driver.UploadLister = (*bucket)(nil)
)

func newBucket(p *Plugin, request driver.OpenRequest) *bucket {
	return &bucket{plugin: p, request: request, gate: make(chan struct{}, 1)}
}

// attach returns the bucket on the running process and opens it there if need be.
func (b *bucket) attach(ctx context.Context) (*attachment, error) {
	if b.closed.Load() {
		return nil, errClosed("Open")
	}
	if a := b.attached.Load(); a != nil && !a.instance.isDead() {
		return a, nil
	}
	select {
	case b.gate <- struct{}{}:
		defer func() { <-b.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a := b.attached.Load(); a != nil && !a.instance.isDead() {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.plugin.options.CallTimeout)
	defer cancel()
	i, err := b.plugin.instance(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := i.client.Open(ctx, &storagepb.OpenRequest{
		Bucket: b.request.Bucket, Credentials: b.request.Credentials, Options: b.request.Options,
	})
	if err != nil {
		return nil, i.failed(err)
	}
	session := wire.ToSession(answer.GetSession())
	b.session.Store(&session)
	a := &attachment{instance: i, handle: answer.GetHandle(), signer: newSigner(b.plugin, i, answer.GetHandle())}
	b.attached.Store(a)
	return a, nil
}

// on runs one RPC on the attached process.
func on[T any](ctx context.Context, b *bucket, c call, rpc func(context.Context, *attachment) (T, error)) (T, error) {
	if b.closed.Load() {
		var none T
		return none, errClosed(c.op)
	}
	return drive(ctx, b.plugin, c, func(ctx context.Context) (T, error) {
		var none T
		ctx, cancel := context.WithTimeout(ctx, b.plugin.timeout(c))
		defer cancel()
		a, err := b.attach(ctx)
		if err != nil {
			return none, unsent(err)
		}
		value, err := rpc(ctx, a)
		if err != nil {
			return none, a.instance.failed(err)
		}
		a.instance.proved()
		return value, nil
	})
}

// unsent marks a process that was lost before the call itself was sent.
func unsent(err error) error {
	if gone, ok := err.(*lost); ok { //nolint:errorlint // attach returns it bare
		return &lost{end: gone.end}
	}
	return err
}

// Session implements driver.Bucket.
func (b *bucket) Session() driver.Session { return *b.session.Load() }

// Close implements driver.Bucket.
func (b *bucket) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	if a := b.attached.Load(); a != nil && !a.instance.isDead() {
		a.signer.close()
		ctx, cancel := context.WithTimeout(a.instance.life, closeGrace)
		defer cancel()
		// A plugin that cannot close it loses it with its process.
		_, _ = a.instance.client.Close(ctx, &storagepb.CloseRequest{Handle: a.handle})
	}
	if b.closePlugin != nil {
		return b.closePlugin()
	}
	return nil
}

// List implements driver.Bucket.
func (b *bucket) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	c := call{op: "List", key: request.Prefix, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.ListResponse, error) {
		return a.instance.client.List(ctx, wire.FromList(a.handle, request))
	})
	if err != nil {
		return driver.ListPage{}, err
	}
	page, err := wire.ToListPage(answer)
	if err != nil {
		return driver.ListPage{}, &driver.Error{
			Op: c.op, Key: c.key, Kind: driver.KindFatal, Code: "MalformedAnswer", Message: err.Error(),
		}
	}
	return page, nil
}

// Stat implements driver.Bucket.
func (b *bucket) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	c := call{op: "Stat", key: request.Key, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.StatResponse, error) {
		return a.instance.client.Stat(ctx, &storagepb.StatRequest{
			Handle: a.handle, Key: []byte(request.Key), VersionId: []byte(request.VersionID),
		})
	})
	if err != nil {
		return driver.Object{}, err
	}
	return wire.ToObject(answer.GetObject()), nil
}

// Delete implements driver.Bucket.
func (b *bucket) Delete(ctx context.Context, request driver.DeleteRequest) error {
	c := call{op: "Delete", key: request.Key, idempotent: true}
	_, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.DeleteResponse, error) {
		return a.instance.client.Delete(ctx, &storagepb.DeleteRequest{Handle: a.handle, Key: []byte(request.Key)})
	})
	return err
}

// SignGet implements driver.Bucket.
func (b *bucket) SignGet(ctx context.Context, request driver.GetRequest) (driver.Exchange, error) {
	return b.sign(ctx, call{op: "SignGet", key: request.Key, idempotent: true}, wire.GetItem(request), request.Now)
}

// SignGets signs many downloads at the cost of one crossing to the plugin. In the place
// of one that could not be signed stands the zero Exchange; SignGet says why. All requests
// count as of the first one's time.
func (b *bucket) SignGets(ctx context.Context, requests []driver.GetRequest) []driver.Exchange {
	signed := make([]driver.Exchange, len(requests))
	if len(requests) == 0 {
		return signed
	}
	items := make([]wire.Item, len(requests))
	for i, request := range requests {
		items[i] = wire.GetItem(request)
	}
	group := newGroup(items, requests[0].Now)
	if err := b.signAll(ctx, call{op: "SignGet"}, group); err != nil {
		return signed
	}
	for i := range group {
		if group[i].signed.Err == nil {
			signed[i] = group[i].signed.Exchange
		}
	}
	return signed
}

// SignPut implements driver.Bucket.
func (b *bucket) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	return b.sign(ctx, call{op: "SignPut", key: request.Key, idempotent: true}, wire.PutItem(request), request.Now)
}

// SignPart implements driver.Uploader.
func (b *bucket) SignPart(ctx context.Context, request driver.PartRequest) (driver.Exchange, error) {
	return b.sign(ctx, call{op: "SignPart", key: request.Upload.Key, idempotent: true}, wire.PartItem(request), request.Now)
}
