package main

import (
	"context"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// ReachCopy looks whether the source is of the same region and account, by asking where
// it is and listing one object of it with the keys of this bucket.
func (b *bucket) ReachCopy(ctx context.Context, source driver.CopySource) (err error) {
	defer b.blame("ReachCopy", "", &err)
	values, err := control.ReadOptions(options(), source.Options)
	if err != nil {
		return err
	}
	endpoint, err := control.ParseEndpoint(values["endpoint"])
	if err != nil {
		return control.Invalid("option endpoint: %v", err)
	}
	if endpoint.Host != b.endpoint.Host {
		return &driver.Error{Kind: driver.KindUnsupported, Message: "the source is a bucket of another Kodo, at " + endpoint.Host}
	}
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	from, err := b.locate(ctx, source.Bucket, keys)
	if err != nil {
		return err
	}
	if from.region != at.region {
		return &driver.Error{Kind: driver.KindUnsupported, Message: "Kodo copies within one region: the source is in " + from.region + ", the destination in " + at.region}
	}
	_, err = b.manage(ctx, listing(from, source.Bucket, driver.ListRequest{MaxKeys: 1}), keys)
	return err
}

// CopyObject copies one object of any size, with attributes and class. Kodo compares no
// version: the copy is looked at afterwards. Source: https://developer.qiniu.com/kodo/1254/copy.
func (b *bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (object driver.Object, err error) {
	defer b.blame("CopyObject", request.Key, &err)
	if _, err := b.mayWrite(request.Key, driver.Attributes{}); err != nil {
		return driver.Object{}, err
	}
	if request.StorageClass != "" {
		return driver.Object{}, &driver.Error{Kind: driver.KindUnsupported, Message: "Kodo's copies are of the class of the source"}
	}
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return driver.Object{}, err
	}
	target := at.rs + "/copy/" + entry(request.Source.Bucket, request.Object.Key) + "/" + entry(b.name, request.Key) + "/force/true"
	if _, err := b.manage(ctx, call{method: "POST", url: target}, keys); err != nil {
		return driver.Object{}, err
	}
	made, err := b.entity(ctx, request.Key)
	if err != nil {
		return driver.Object{}, err
	}
	if request.Object.ETag != "" && made.Hash != request.Object.ETag {
		return driver.Object{}, &driver.Error{Kind: driver.KindPreconditionFailed, Message: "the copy is not of the version that was asked for"}
	}
	return made.object(request.Key), nil
}

// CopyPart is not among Kodo's operations, and nothing needs it: a copy has no size limit.
func (b *bucket) CopyPart(_ context.Context, request driver.CopyPartRequest) (part driver.Part, err error) {
	defer b.blame("CopyPart", request.Upload.Key, &err)
	return driver.Part{}, &driver.Error{Kind: driver.KindUnsupported, Message: "Kodo makes no parts of objects"}
}
