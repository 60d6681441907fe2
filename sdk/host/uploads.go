package host

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
	"github.com/dth-dev/dth/sdk/internal/wire"
)

// CreateUpload implements driver.Uploader. It is not repeated when the plugin crashes.
func (b *bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	c := call{op: "CreateUpload", key: request.Key}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.CreateUploadResponse, error) {
		return a.instance.client.CreateUpload(ctx, &storagepb.CreateUploadRequest{
			Handle: a.handle, Key: []byte(request.Key), Attributes: wire.FromAttributes(request.Attributes),
		})
	})
	if err != nil {
		return driver.Upload{}, err
	}
	return wire.ToUpload(answer.GetUpload()), nil
}

// ListParts implements driver.Uploader.
func (b *bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	c := call{op: "ListParts", key: request.Upload.Key, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.ListPartsResponse, error) {
		return a.instance.client.ListParts(ctx, &storagepb.ListPartsRequest{
			Handle: a.handle, Key: []byte(request.Upload.Key), UploadId: []byte(request.Upload.ID), Token: []byte(request.Token),
		})
	})
	if err != nil {
		return driver.PartsPage{}, err
	}
	return wire.ToPartsPage(answer), nil
}

// CompleteUpload implements driver.Uploader. It is not repeated when the plugin crashes.
func (b *bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	c := call{op: "CompleteUpload", key: request.Upload.Key, slow: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.CompleteUploadResponse, error) {
		return a.instance.client.CompleteUpload(ctx, wire.FromComplete(a.handle, request))
	})
	if err != nil {
		return driver.Object{}, err
	}
	return wire.ToObject(answer.GetObject()), nil
}

// AbortUpload implements driver.Uploader.
func (b *bucket) AbortUpload(ctx context.Context, request driver.UploadRef) error {
	c := call{op: "AbortUpload", key: request.Key, idempotent: true}
	_, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.AbortUploadResponse, error) {
		return a.instance.client.AbortUpload(ctx, &storagepb.AbortUploadRequest{
			Handle: a.handle, Key: []byte(request.Key), UploadId: []byte(request.ID),
		})
	})
	return err
}

// ListUploads implements driver.UploadLister.
func (b *bucket) ListUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	c := call{op: "ListUploads", key: request.Prefix, idempotent: true}
	answer, err := on(ctx, b, c, func(ctx context.Context, a *attachment) (*storagepb.ListUploadsResponse, error) {
		return a.instance.client.ListUploads(ctx, &storagepb.ListUploadsRequest{
			Handle: a.handle, Prefix: []byte(request.Prefix), Token: []byte(request.Token),
		})
	})
	if err != nil {
		return driver.UploadsPage{}, err
	}
	return wire.ToUploadsPage(answer), nil
}
