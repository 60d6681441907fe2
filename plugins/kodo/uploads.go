package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// uploadCall sends a call about an upload under a token of its own, so that the deadline
// never falls between parts and completion. size is negative where it is not known.
func (b *bucket) uploadCall(ctx context.Context, c call, upload driver.UploadRef, size int64, class string) (control.Answer, error) {
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return control.Answer{}, err
	}
	if upload.Key == "" {
		return control.Answer{}, errNoKey
	}
	c.url = b.uploads(at, upload) + c.url
	return b.send(ctx, c, "UpToken "+b.token(keys, upload.Key, size, class, b.clock.Now().Add(putLife)))
}

// CreateUpload begins an upload, which Kodo drops after seven days. Source:
// https://developer.qiniu.com/kodo/6365/initialize-multipartupload.
func (b *bucket) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (upload driver.Upload, err error) {
	defer b.blame("CreateUpload", request.Key, &err)
	if _, err := b.mayWrite(request.Key, request.Attributes); err != nil {
		return driver.Upload{}, err
	}
	answer, err := b.uploadCall(ctx, call{method: http.MethodPost}, driver.UploadRef{Key: request.Key}, -1, "")
	if err != nil {
		return driver.Upload{}, err
	}
	var begun struct {
		ID      string `json:"uploadId"`
		Expires int64  `json:"expireAt"` // Unix seconds
	}
	if err := json.Unmarshal(answer.Body, &begun); err != nil || begun.ID == "" {
		return driver.Upload{}, dialect.Foreign("a new upload", answer, err)
	}
	upload.UploadRef = driver.UploadRef{Key: request.Key, ID: begun.ID}
	if begun.Expires > 0 {
		upload.Expires = time.Unix(begun.Expires, 0).UTC()
	}
	return upload, nil
}

// ListParts returns one page of what Kodo holds of an upload. Source:
// https://developer.qiniu.com/kodo/6858/listparts.
func (b *bucket) ListParts(ctx context.Context, request driver.ListPartsRequest) (page driver.PartsPage, err error) {
	defer b.blame("ListParts", request.Upload.Key, &err)
	query := "?max-parts=1000"
	if request.Token != "" {
		query += "&part-number_marker=" + string(control.AppendQuery(nil, request.Token))
	}
	answer, err := b.uploadCall(ctx, call{method: http.MethodGet, url: query}, request.Upload, -1, "")
	if err != nil {
		return driver.PartsPage{}, err
	}
	var listed struct {
		ID     string `json:"uploadId"`
		Marker int    `json:"partNumberMarker"` // 0 at the end
		Parts  []struct {
			Number int    `json:"partNumber"`
			ETag   string `json:"etag"`
			Size   int64  `json:"size"`
		} `json:"parts"`
	}
	err = json.Unmarshal(answer.Body, &listed)
	if err == nil && listed.ID != request.Upload.ID {
		err = control.Mismatch(fmt.Sprintf("it is of upload %q, %q was asked for", listed.ID, request.Upload.ID))
	}
	if err != nil {
		return driver.PartsPage{}, dialect.Foreign("a list of parts", answer, err)
	}
	page.Parts = make([]driver.Part, len(listed.Parts))
	for i, part := range listed.Parts {
		page.Parts[i] = driver.Part{Number: part.Number, Size: part.Size, ETag: part.ETag, Checksums: checksums(part.ETag)}
	}
	if listed.Marker > 0 {
		page.Next = strconv.Itoa(listed.Marker)
	}
	return page, nil
}

// CompleteUpload joins the parts. Attributes are set here; the SDK's own call has no
// room for all of them. Source: https://developer.qiniu.com/kodo/6368/complete-multipart-upload.
func (b *bucket) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (object driver.Object, err error) {
	defer b.blame("CompleteUpload", request.Upload.Key, &err)
	document, err := b.completion(request)
	if err != nil {
		return driver.Object{}, err
	}
	answer, err := b.uploadCall(ctx, call{method: http.MethodPost, body: document}, request.Upload, request.Size, request.Attributes.StorageClass)
	if err != nil {
		return driver.Object{}, err
	}
	var made entity
	err = json.Unmarshal(answer.Body, &made)
	if answer.Status == callbackFailed && (err != nil || made.Hash == "") { // the object is there all the same
		made, err = b.entity(ctx, request.Upload.Key)
	}
	if err != nil || made.Hash == "" {
		return driver.Object{}, dialect.Foreign("the completion of an upload", answer, err)
	}
	if err := (control.Asked{Key: request.Upload.Key}).Echo(nil, made.told(), nil); err != nil {
		return driver.Object{}, dialect.Lost("the completion of an upload", answer, err)
	}
	return driver.Object{
		Key: request.Upload.Key, Size: request.Size, ETag: made.Hash, Checksums: checksums(made.Hash),
		StorageClass: strings.TrimPrefix(request.Attributes.StorageClass, classes[0].Name),
	}, nil
}

func (b *bucket) completion(request driver.CompleteUploadRequest) (map[string]any, error) {
	fields, err := b.mayWrite(request.Upload.Key, request.Attributes)
	if err != nil {
		return nil, err
	}
	type part struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
	}
	parts, metadata := make([]part, len(request.Parts)), map[string]string{}
	for i, held := range request.Parts {
		parts[i] = part{held.Number, held.ETag}
	}
	document := map[string]any{"parts": parts, "metadata": metadata}
	for _, field := range fields {
		if strings.HasPrefix(field.Name, metadataPrefix) {
			metadata[field.Name] = field.Value
		} else {
			document[field.Name] = field.Value
		}
	}
	return document, nil
}

// AbortUpload discards an upload. Source: https://developer.qiniu.com/kodo/6367/abort-multipart-upload.
func (b *bucket) AbortUpload(ctx context.Context, request driver.UploadRef) (err error) {
	defer b.blame("AbortUpload", request.Key, &err)
	_, err = b.uploadCall(ctx, call{method: http.MethodDelete}, request, -1, "")
	return unless(612, err)
}
