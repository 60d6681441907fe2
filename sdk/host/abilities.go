package host

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

var (
	_ driver.Copier      = (*bucket)(nil)
	_ driver.Tagger      = (*bucket)(nil)
	_ driver.Restorer    = (*bucket)(nil)
	_ driver.EventParser = (*bucket)(nil)
)

// ReachCopy implements driver.Copier.
func (b *bucket) ReachCopy(ctx context.Context, source driver.CopySource) error {
	c := call{op: "ReachCopy", idempotent: true}
	_, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.ReachCopyResponse, error) {
		return a.instance.client.ReachCopy(ctx, &storagepb.ReachCopyRequest{Handle: a.handle, Source: wire.FromCopySource(source)})
	})
	return err
}

// CopyObject implements driver.Copier.
func (b *bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (driver.Object, error) {
	c := call{op: "CopyObject", key: request.Key, idempotent: true, slow: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.CopyObjectResponse, error) {
		return a.instance.client.CopyObject(ctx, wire.FromCopyObject(a.handle, request))
	})
	if err != nil {
		return driver.Object{}, err
	}
	return wire.ToObject(answer.GetObject()), nil
}

// CopyPart implements driver.Copier.
func (b *bucket) CopyPart(ctx context.Context, request driver.CopyPartRequest) (driver.Part, error) {
	c := call{op: "CopyPart", key: request.Upload.Key, idempotent: true, slow: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.CopyPartResponse, error) {
		return a.instance.client.CopyPart(ctx, wire.FromCopyPart(a.handle, request))
	})
	if err != nil {
		return driver.Part{}, err
	}
	return wire.ToParts([]*storagepb.Part{answer.GetPart()})[0], nil
}

// Tags implements driver.Tagger.
func (b *bucket) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	c := call{op: "Tags", key: request.Key, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.TagsResponse, error) {
		return a.instance.client.Tags(ctx, &storagepb.TagsRequest{
			Handle: a.handle, Key: []byte(request.Key), VersionId: []byte(request.VersionID),
		})
	})
	if err != nil {
		return nil, err
	}
	return wire.ToTags(answer.GetTags()), nil
}

// Restore implements driver.Restorer.
func (b *bucket) Restore(ctx context.Context, request driver.RestoreRequest) (bool, error) {
	c := call{op: "Restore", key: request.Key, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.RestoreResponse, error) {
		return a.instance.client.Restore(ctx, &storagepb.RestoreRequest{
			Handle: a.handle, Key: []byte(request.Key), VersionId: []byte(request.VersionID), Days: wire.Int32(request.Days),
		})
	})
	if err != nil {
		return false, err
	}
	return answer.GetReadable(), nil
}

// ParseEvents implements driver.EventParser.
func (b *bucket) ParseEvents(ctx context.Context, payload []byte) ([]driver.Event, error) {
	c := call{op: "ParseEvents", idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.ParseEventsResponse, error) {
		return a.instance.client.ParseEvents(ctx, &storagepb.ParseEventsRequest{Handle: a.handle, Payload: payload})
	})
	if err != nil {
		return nil, err
	}
	return wire.ToEvents(answer), nil
}
