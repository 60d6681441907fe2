package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/tencentyun/cos-go-sdk-v5"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// CreateUpload begins an upload.
func (b *bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (upload driver.Upload, err error) {
	defer b.blame("CreateUpload", request.Key, &err)
	header, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Upload{}, err
	}
	answer, err := b.do(ctx, call{method: "POST", key: request.Key, query: []driver.Header{{Name: "uploads"}}, header: header})
	if err != nil {
		return driver.Upload{}, err
	}
	id, err := result(answer, "UploadId")
	if err != nil {
		return driver.Upload{}, err
	}
	if err := (control.Asked{Key: request.Key}).Echo(nil, said(answer.Body, "Key"), nil); err != nil {
		return driver.Upload{}, dialect.Foreign("the begin of an upload", answer, err)
	}
	return driver.Upload{UploadRef: driver.UploadRef{Key: request.Key, ID: id}}, nil
}

// result returns the text of an element that a success has. COS answers 200 before it
// has finished copies and uploads, then sends white space, and may end with an Error:
// https://www.tencentcloud.com/document/product/436/7742.
func result(answer control.Answer, name string) (string, error) {
	if text := element(answer.Body, name); text != "" {
		return control.Unquote(text), nil
	}
	refused := dialect.ReadRefusal(answer)
	if refused.Code == "" {
		refused.Message = "the answer broke off before the result: look the object up"
	}
	return "", dialect.Failure(refused)
}

// ListParts returns one page of what the store holds of an upload.
func (b *bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (page driver.PartsPage, err error) {
	defer b.blame("ListParts", request.Upload.Key, &err)
	query := []driver.Header{{Name: "uploadId", Value: request.Upload.ID}, {Name: "encoding-type", Value: "url"}}
	if request.Token != "" {
		query = append(query, driver.Header{Name: "part-number-marker", Value: request.Token})
	}
	answer, err := b.do(ctx, call{method: "GET", key: request.Upload.Key, query: query})
	if err != nil {
		return driver.PartsPage{}, err
	}
	var listed cos.ObjectListPartsResult
	if err := read("a list of parts", answer, &listed); err != nil {
		return driver.PartsPage{}, err
	}
	for _, part := range listed.Parts {
		page.Parts = append(page.Parts, driver.Part{Number: part.PartNumber, Size: part.Size, ETag: control.Unquote(part.ETag)})
	}
	if listed.IsTruncated {
		page.Next = listed.NextPartNumberMarker
	}
	told := control.Listed{
		Bucket: said(answer.Body, "Bucket"), Key: said(answer.Body, "Key"), Upload: said(answer.Body, "UploadId"),
		Truncated: said(answer.Body, "IsTruncated"), Next: page.Next, Begins: []string{listed.PartNumberMarker},
	}
	asked := control.Asked{Bucket: b.name, Key: request.Upload.Key, Upload: request.Upload.ID, Token: request.Token}
	if err := told.Check(asked, len(page.Parts)); err != nil {
		return driver.PartsPage{}, dialect.Foreign("a list of parts", answer, err)
	}
	return page, nil
}

// CompleteUpload joins the parts, which COS wants numbered from 1 without a gap.
func (b *bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (object driver.Object, err error) {
	defer b.blame("CompleteUpload", request.Upload.Key, &err)
	var list cos.CompleteMultipartUploadOptions
	for _, part := range request.Parts {
		list.Parts = append(list.Parts, cos.Object{PartNumber: part.Number, ETag: `"` + part.ETag + `"`})
	}
	answer, err := b.do(ctx, call{method: "POST", key: request.Upload.Key, query: []driver.Header{{Name: "uploadId", Value: request.Upload.ID}}, body: list})
	if err != nil {
		return driver.Object{}, err
	}
	etag, err := result(answer, "ETag")
	if err != nil {
		return driver.Object{}, err
	}
	if err := (control.Asked{Key: request.Upload.Key}).Echo(nil, said(answer.Body, "Key"), nil); err != nil {
		return driver.Object{}, dialect.Lost("the completion of an upload", answer, err)
	}
	return driver.Object{
		Key: request.Upload.Key, Size: request.Size, ETag: etag,
		VersionID: answer.Header.Get("x-cos-version-id"), Checksums: checksums(answer.Header),
	}, nil
}

// AbortUpload discards an upload.
func (b *bucket) AbortUpload(ctx context.Context, request driver.UploadRef) (err error) {
	defer b.blame("AbortUpload", request.Key, &err)
	answer, err := b.do(ctx, call{method: "DELETE", key: request.Key, query: []driver.Header{{Name: "uploadId", Value: request.ID}}})
	return unless("NoSuchUpload", done("the end of an upload", answer, err))
}

// ListUploads returns one page of open uploads.
func (b *bucket) ListUploads(ctx context.Context, request driver.ListUploadsRequest) (page driver.UploadsPage, err error) {
	defer b.blame("ListUploads", "", &err)
	query := []driver.Header{{Name: "uploads"}, {Name: "encoding-type", Value: "url"}}
	if request.Prefix != "" {
		query = append(query, driver.Header{Name: "prefix", Value: request.Prefix})
	}
	marker := ""
	if request.Token != "" {
		id, key, ok := strings.Cut(request.Token, " ") // no id holds a space
		if !ok {
			return driver.UploadsPage{}, control.Invalid("the page token is not one of this driver's")
		}
		marker = key
		query = append(query, driver.Header{Name: "key-marker", Value: key}, driver.Header{Name: "upload-id-marker", Value: id})
	}
	answer, err := b.do(ctx, call{method: "GET", query: query})
	if err != nil {
		return driver.UploadsPage{}, err
	}
	var listed cos.ListMultipartUploadsResult
	if err := read("a list of uploads", answer, &listed); err != nil {
		return driver.UploadsPage{}, err
	}
	for _, open := range listed.Uploads {
		key, err := url.QueryUnescape(open.Key)
		if err != nil {
			return driver.UploadsPage{}, dialect.Foreign("a list of uploads", answer, err)
		}
		page.Uploads = append(page.Uploads, driver.Upload{UploadRef: driver.UploadRef{Key: key, ID: open.UploadID}, Initiated: parseTime(open.Initiated)})
	}
	if listed.IsTruncated {
		key, err := url.QueryUnescape(listed.NextKeyMarker)
		if err != nil {
			return driver.UploadsPage{}, dialect.Foreign("a list of uploads", answer, err)
		}
		if key+listed.NextUploadIDMarker != "" {
			page.Next = listed.NextUploadIDMarker + " " + key
		}
	}
	told := control.Listed{
		Bucket: said(answer.Body, "Bucket"), Prefix: &listed.Prefix, Truncated: said(answer.Body, "IsTruncated"), Next: page.Next,
		Delimiter: element(answer.Body, "Delimiter"), Grouped: grouped(answer.Body), Begins: []string{listed.KeyMarker},
	}
	if err := told.Check(control.Asked{Bucket: b.name, Prefix: request.Prefix, After: marker}, len(page.Uploads)); err != nil {
		return driver.UploadsPage{}, dialect.Foreign("a list of uploads", answer, err)
	}
	return page, nil
}
