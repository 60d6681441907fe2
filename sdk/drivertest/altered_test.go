package drivertest

import (
	"context"

	"github.com/dth-dev/dth/sdk/driver"
)

// whole is a bucket with every ability.
type whole interface {
	driver.Bucket
	driver.Uploader
	driver.UploadLister
	driver.Copier
	driver.Tagger
	driver.Restorer
	driver.EventParser
}

// altered is a bucket in which single methods are replaced; nil fields pass on.
type altered struct {
	whole
	session        func() driver.Session
	list           func(context.Context, driver.ListRequest) (driver.ListPage, error)
	stat           func(context.Context, driver.StatRequest) (driver.Object, error)
	signGet        func(context.Context, driver.GetRequest) (driver.Exchange, error)
	signPut        func(context.Context, driver.PutRequest) (driver.Exchange, error)
	remove         func(context.Context, driver.DeleteRequest) error
	createUpload   func(context.Context, driver.CreateUploadRequest) (driver.Upload, error)
	signPart       func(context.Context, driver.PartRequest) (driver.Exchange, error)
	listParts      func(context.Context, driver.ListPartsRequest) (driver.PartsPage, error)
	completeUpload func(context.Context, driver.CompleteUploadRequest) (driver.Object, error)
	abortUpload    func(context.Context, driver.UploadRef) error
	listUploads    func(context.Context, driver.ListUploadsRequest) (driver.UploadsPage, error)
	copyObject     func(context.Context, driver.CopyObjectRequest) (driver.Object, error)
	copyPart       func(context.Context, driver.CopyPartRequest) (driver.Part, error)
	reachCopy      func(context.Context, driver.CopySource) error
	tags           func(context.Context, driver.StatRequest) ([]driver.Tag, error)
	restore        func(context.Context, driver.RestoreRequest) (bool, error)
	parseEvents    func(context.Context, []byte) ([]driver.Event, error)
	shut           func() error
}

func (a *altered) Session() driver.Session {
	if a.session != nil {
		return a.session()
	}
	return a.whole.Session()
}

func (a *altered) List(ctx context.Context, r driver.ListRequest) (driver.ListPage, error) {
	if a.list != nil {
		return a.list(ctx, r)
	}
	return a.whole.List(ctx, r)
}

func (a *altered) Stat(ctx context.Context, r driver.StatRequest) (driver.Object, error) {
	if a.stat != nil {
		return a.stat(ctx, r)
	}
	return a.whole.Stat(ctx, r)
}

func (a *altered) SignGet(ctx context.Context, r driver.GetRequest) (driver.Exchange, error) {
	if a.signGet != nil {
		return a.signGet(ctx, r)
	}
	return a.whole.SignGet(ctx, r)
}

func (a *altered) SignPut(ctx context.Context, r driver.PutRequest) (driver.Exchange, error) {
	if a.signPut != nil {
		return a.signPut(ctx, r)
	}
	return a.whole.SignPut(ctx, r)
}

func (a *altered) Delete(ctx context.Context, r driver.DeleteRequest) error {
	if a.remove != nil {
		return a.remove(ctx, r)
	}
	return a.whole.Delete(ctx, r)
}

func (a *altered) CreateUpload(ctx context.Context, r driver.CreateUploadRequest) (driver.Upload, error) {
	if a.createUpload != nil {
		return a.createUpload(ctx, r)
	}
	return a.whole.CreateUpload(ctx, r)
}

func (a *altered) SignPart(ctx context.Context, r driver.PartRequest) (driver.Exchange, error) {
	if a.signPart != nil {
		return a.signPart(ctx, r)
	}
	return a.whole.SignPart(ctx, r)
}

func (a *altered) ListParts(ctx context.Context, r driver.ListPartsRequest) (driver.PartsPage, error) {
	if a.listParts != nil {
		return a.listParts(ctx, r)
	}
	return a.whole.ListParts(ctx, r)
}

func (a *altered) CompleteUpload(ctx context.Context, r driver.CompleteUploadRequest) (driver.Object, error) {
	if a.completeUpload != nil {
		return a.completeUpload(ctx, r)
	}
	return a.whole.CompleteUpload(ctx, r)
}

func (a *altered) AbortUpload(ctx context.Context, r driver.UploadRef) error {
	if a.abortUpload != nil {
		return a.abortUpload(ctx, r)
	}
	return a.whole.AbortUpload(ctx, r)
}

func (a *altered) ListUploads(ctx context.Context, r driver.ListUploadsRequest) (driver.UploadsPage, error) {
	if a.listUploads != nil {
		return a.listUploads(ctx, r)
	}
	return a.whole.ListUploads(ctx, r)
}

func (a *altered) Close() error {
	if a.shut != nil {
		return a.shut()
	}
	return a.whole.Close()
}
