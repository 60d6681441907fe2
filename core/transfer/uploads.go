package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// uploader returns the ability to write in parts. Callers have planned parts
// only because the session declares it.
func (s *Side) uploader() (driver.Uploader, error) {
	uploader, ok := driver.As[driver.Uploader](s.bucket, driver.CapabilityUploader)
	if !ok {
		return nil, s.failed(0, &driver.Error{Op: "CreateUpload", Kind: driver.KindUnsupported, Message: "the store takes no uploads in parts"})
	}
	return uploader, nil
}

// createUpload asks once, because each time begins another upload.
func (s *Side) createUpload(ctx context.Context, key string, attributes driver.Attributes) (driver.Upload, error) {
	uploader, err := s.uploader()
	if err != nil {
		return driver.Upload{}, err
	}
	s.requests.Count(observe.CreateUpload)
	upload, err := uploader.CreateUpload(ctx, driver.CreateUploadRequest{Key: s.Prefix + key, Attributes: attributes})
	return upload, s.failed(0, err)
}

// putPart uploads one part once.
func (s *Side) putPart(ctx context.Context, key, id string, number int, size int64, body *stream) (*exchange.Answer, error) {
	uploader, err := s.uploader()
	if err != nil {
		return nil, err
	}
	signed, err := uploader.SignPart(ctx, driver.PartRequest{
		Upload: driver.UploadRef{Key: s.Prefix + key, ID: id}, Number: number, Size: size, Now: s.client.Now(),
	})
	if err != nil {
		return nil, s.failed(0, err)
	}
	s.requests.Count(observe.PutPart)
	var answer *exchange.Answer
	err = s.paced(ctx, func() (err error) {
		answer, err = s.client.Do(ctx, signed, exchange.Request{Body: body, Size: size, Hasher: body.hasher})
		return err
	})
	if err == nil && answer.ETag == "" { // nothing could name the part when the upload is completed
		err = &driver.Error{
			Op: "PUT", Kind: driver.KindUnavailable, Status: answer.Status, RequestID: answer.RequestID,
			Message: "the answer has no ETag: it did not come from the store, look for a proxy on the way",
		}
	}
	return answer, s.located(unproven(err), key)
}

// isUploadGone says whether a store told that it does not know the upload: by a code of its
// own, S3's and others' NoSuchUpload, or by a status of its own as Kodo's 612 and 701. A
// bare 404 is no such word: a proxy's page says as much.
func isUploadGone(err error) bool {
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Kind != driver.KindNotFound || failure.Code == driver.CodeNoSuchBucket {
		return false
	}
	return failure.Code != "" || failure.Status != http.StatusNotFound
}

// unproven turns a 404 that does not say what is missing into a failure to be tried again.
func unproven(err error) error {
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Kind != driver.KindNotFound || failure.Code != "" || failure.Status != http.StatusNotFound {
		return err
	}
	doubted := *failure
	doubted.Kind = driver.KindUnavailable
	doubted.Message = "the answer 404 does not say what is missing: look for a proxy on the way"
	return &doubted
}

// pagesOfUploads bounds the pages of a list of parts or uploads: a store that always has
// one more would be asked for ever.
const pagesOfUploads = 10_000

// listParts returns all parts that the store holds of an upload of at most this many. It is
// ErrUploadLost where the store does not know the upload.
func (s *Side) listParts(ctx context.Context, key, id string, most int) ([]driver.Part, error) {
	uploader, err := s.uploader()
	if err != nil {
		return nil, err
	}
	request := driver.ListPartsRequest{Upload: driver.UploadRef{Key: s.Prefix + key, ID: id}}
	pages := list.Tokens{Most: pagesOfUploads}
	var parts []driver.Part
	for {
		var page driver.PartsPage
		err := s.control(ctx, observe.ListParts, func() (err error) {
			page, err = uploader.ListParts(ctx, request)
			return err
		})
		if isUploadGone(err) {
			return nil, ErrUploadLost
		}
		if err != nil {
			return nil, err
		}
		for _, part := range page.Parts {
			if part.Number < 1 || part.Number > most || part.Size < 0 || len(parts) > 0 && part.Number <= parts[len(parts)-1].Number {
				return nil, s.failed(0, &driver.Error{
					Op: "ListParts", Key: request.Upload.Key, Kind: driver.KindFatal,
					Message: fmt.Sprintf("the store lists a part that cannot be: number %d with %d bytes, of an upload of %d parts", part.Number, part.Size, most),
				})
			}
			parts = append(parts, part)
		}
		if err := pages.Follow("ListParts", request.Upload.Key, page.Next); err != nil {
			return nil, s.failed(0, err)
		}
		if request.Token = page.Next; request.Token == "" {
			return parts, nil
		}
	}
}

// completeUpload asks once: whether an unclear failure may be repeated is for
// the caller to find out.
func (s *Side) completeUpload(ctx context.Context, request driver.CompleteUploadRequest, key string) (driver.Object, error) {
	uploader, err := s.uploader()
	if err != nil {
		return driver.Object{}, err
	}
	request.Upload.Key = s.Prefix + key
	s.requests.Count(observe.CompleteUpload)
	object, err := uploader.CompleteUpload(ctx, request)
	leaveTrail(ctx, err)
	return object, s.failed(0, err)
}

// AbortUpload discards an upload of the relative key.
func (s *Side) AbortUpload(ctx context.Context, key, id string) error {
	uploader, err := s.uploader()
	if err != nil {
		return err
	}
	return s.control(ctx, observe.AbortUpload, func() error {
		return uploader.AbortUpload(ctx, driver.UploadRef{Key: s.Prefix + key, ID: id})
	})
}

// ListUploads returns the open uploads of exactly the relative key; none where
// the store cannot tell.
func (s *Side) ListUploads(ctx context.Context, key string) ([]driver.Upload, error) {
	lister, ok := driver.As[driver.UploadLister](s.bucket, driver.CapabilityUploadLister)
	if !ok {
		return nil, nil
	}
	request := driver.ListUploadsRequest{Prefix: s.Prefix + key}
	pages := list.Tokens{Most: pagesOfUploads}
	var uploads []driver.Upload
	for {
		var page driver.UploadsPage
		err := s.control(ctx, observe.ListUploads, func() (err error) {
			page, err = lister.ListUploads(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, upload := range page.Uploads {
			if !strings.HasPrefix(upload.Key, request.Prefix) || upload.ID == "" {
				return nil, s.failed(0, &driver.Error{
					Op: "ListUploads", Key: request.Prefix, Kind: driver.KindFatal,
					Message: fmt.Sprintf("the store lists an upload that was not asked for: %q of %q", upload.ID, upload.Key),
				})
			}
			if upload.Key == request.Prefix { // the listing is by prefix: file-v2 is not file
				uploads = append(uploads, upload)
			}
		}
		if err := pages.Follow("ListUploads", request.Prefix, page.Next); err != nil {
			return nil, s.failed(0, err)
		}
		if request.Token = page.Next; request.Token == "" {
			return uploads, nil
		}
	}
}
