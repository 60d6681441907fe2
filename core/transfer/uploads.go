package transfer

import (
	"context"
	"github.com/dth-dev/dth/core/exchange"
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
	return answer, s.located(err, key)
}

// listParts returns all parts that the store holds.
func (s *Side) listParts(ctx context.Context, key, id string) ([]driver.Part, error) {
	uploader, err := s.uploader()
	if err != nil {
		return nil, err
	}
	request := driver.ListPartsRequest{Upload: driver.UploadRef{Key: s.Prefix + key, ID: id}}
	var parts []driver.Part
	for {
		var page driver.PartsPage
		err := s.control(ctx, observe.ListParts, func() (err error) {
			page, err = uploader.ListParts(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, page.Parts...)
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
			if upload.Key == s.Prefix+key { // the listing is by prefix: file-v2 is not file
				uploads = append(uploads, upload)
			}
		}
		if request.Token = page.Next; request.Token == "" {
			return uploads, nil
		}
	}
}
