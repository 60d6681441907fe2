package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// copySource returns the headers that name what is copied. Source:
// https://www.tencentcloud.com/document/product/436/10881.
func copySource(from place, object driver.Object) []driver.Header {
	text := control.AppendPath([]byte(from.source+"/"), object.Key)
	if object.VersionID != "" {
		text = control.AppendQuery(append(text, "?versionId="...), object.VersionID)
	}
	header := []driver.Header{{Name: "x-cos-copy-source", Value: string(text)}}
	if object.ETag != "" {
		header = append(header, driver.Header{Name: "x-cos-copy-source-if-match", Value: `"` + object.ETag + `"`})
	}
	return header
}

// CopyObject copies one object with headers, metadata and tags.
func (b *bucket) CopyObject(ctx context.Context, request driver.CopyObjectRequest) (object driver.Object, err error) {
	defer b.blame("CopyObject", request.Key, &err)
	from, err := locate(request.Source.Bucket, request.Source.Options)
	if err != nil {
		return driver.Object{}, err
	}
	chosen, err := b.mayWrite(request.Key, driver.Attributes{StorageClass: request.StorageClass})
	if err != nil {
		return driver.Object{}, err
	}
	answer, err := b.do(ctx, call{method: "PUT", key: request.Key, header: append(copySource(from, request.Object), chosen...)})
	if err != nil {
		return driver.Object{}, err
	}
	etag, err := result(answer, "ETag")
	return driver.Object{
		Key: request.Key, Size: request.Object.Size, ETag: etag, StorageClass: className(request.StorageClass),
		VersionID: answer.Header.Get("x-cos-version-id"), Checksums: checksums(answer.Header),
	}, err
}

// CopyPart makes a part from a range of the source. Source:
// https://www.tencentcloud.com/document/product/436/8287.
func (b *bucket) CopyPart(ctx context.Context, request driver.CopyPartRequest) (part driver.Part, err error) {
	defer b.blame("CopyPart", request.Upload.Key, &err)
	from, err := locate(request.Source.Bucket, request.Source.Options)
	if err != nil {
		return driver.Part{}, err
	}
	span := "bytes=" + strconv.FormatInt(request.Offset, 10) + "-" + strconv.FormatInt(request.Offset+request.Size-1, 10)
	header := append(copySource(from, request.Object), driver.Header{Name: "x-cos-copy-source-range", Value: span})
	answer, err := b.do(ctx, call{method: "PUT", key: request.Upload.Key, query: partQuery(request.Upload, request.Number), header: header})
	if err != nil {
		return driver.Part{}, err
	}
	etag, err := result(answer, "ETag")
	return driver.Part{Number: request.Number, Size: request.Size, ETag: etag, Checksums: checksums(answer.Header)}, err
}

// ReachCopy looks whether the source is a bucket of the same COS and lists and reads
// one object of it with the keys of this bucket.
func (b *bucket) ReachCopy(ctx context.Context, source driver.CopySource) (err error) {
	defer b.blame("ReachCopy", "", &err)
	values, err := control.ReadOptions(options(), source.Options)
	if err != nil {
		return err
	}
	from, err := locate(source.Bucket, values)
	if err != nil {
		return err
	}
	keys, err := b.keys(ctx)
	switch {
	case err != nil:
		return err
	case from.store != b.place.store:
		return &driver.Error{Kind: driver.KindUnsupported, Message: "the source is a bucket of another COS, at " + from.store}
	case keys.AccessKeyID == "":
		return &driver.Error{Kind: driver.KindDenied, Message: "COS copies for those who sign only: give the destination credentials"}
	}
	there := &bucket{name: source.Bucket, place: from, keyring: b.keyring, clock: b.clock, client: b.client}
	page, err := there.list(ctx, driver.ListRequest{MaxKeys: 1})
	if err != nil || len(page.Objects) == 0 {
		return err
	}
	_, err = there.do(ctx, call{method: "GET", key: page.Objects[0].Key, header: []driver.Header{{Name: "range", Value: "bytes=0-0"}}})
	var failure *driver.Error
	if errors.As(err, &failure) && (failure.Kind == driver.KindFrozen || failure.Kind == driver.KindNotFound || failure.Status == 416) {
		return nil // archived, deleted meanwhile, empty: it may be read all the same
	}
	return err
}
