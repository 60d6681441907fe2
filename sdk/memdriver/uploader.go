package memdriver

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/dth-dev/dth/sdk/driver"
)

func (b *bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	if err := b.check("CreateUpload", request.Key, ""); err != nil {
		return driver.Upload{}, err
	}
	if problem := checkAttributes(request.Attributes); problem != "" {
		return driver.Upload{}, b.invalid("CreateUpload", request.Key, problem)
	}
	return send[driver.Upload](ctx, b, "CreateUpload", request.Key, createUpload{request, b.minPart})
}

func (b *bucket) SignPart(_ context.Context, request driver.PartRequest) (driver.Exchange, error) {
	if err := b.check("SignPart", request.Upload.Key, ""); err != nil {
		return driver.Exchange{}, err
	}
	if request.Number < 1 || request.Number > maxPartNumber {
		return driver.Exchange{}, b.invalid("SignPart", request.Upload.Key, fmt.Sprintf("part numbers go from 1 to %d", maxPartNumber))
	}
	if request.Size < 0 || request.Size > maxPut {
		return driver.Exchange{}, b.invalid("SignPart", request.Upload.Key, "a part has 0 bytes to 5 GiB")
	}
	more := "&mem-upload=" + url.QueryEscape(request.Upload.ID) + "&mem-part=" + strconv.Itoa(request.Number)
	return b.signBody("SignPart", request.Upload.Key, request.Size, request.Now, nil, more)
}

func (b *bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (driver.PartsPage, error) {
	if err := b.check("ListParts", request.Upload.Key, ""); err != nil {
		return driver.PartsPage{}, err
	}
	return send[driver.PartsPage](ctx, b, "ListParts", request.Upload.Key, request)
}

func (b *bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	if err := b.check("CompleteUpload", request.Upload.Key, ""); err != nil {
		return driver.Object{}, err
	}
	return send[driver.Object](ctx, b, "CompleteUpload", request.Upload.Key, request)
}

func (b *bucket) AbortUpload(ctx context.Context, request driver.UploadRef) error {
	if err := b.check("AbortUpload", request.Key, ""); err != nil {
		return err
	}
	_, err := send[done](ctx, b, "AbortUpload", request.Key, request)
	return err
}

func (b *bucket) ListUploads(ctx context.Context, request driver.ListUploadsRequest) (driver.UploadsPage, error) {
	return send[driver.UploadsPage](ctx, b, "ListUploads", "", request)
}
