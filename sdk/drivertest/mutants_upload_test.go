package drivertest

import (
	"slices"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

// onComplete alters the request that completes an upload.
func onComplete(change func(*altered, ctx, *driver.CompleteUploadRequest)) func(*altered) {
	return func(b *altered) {
		b.completeUpload = func(ctx ctx, r driver.CompleteUploadRequest) (driver.Object, error) {
			change(b, ctx, &r)
			return b.whole.CompleteUpload(ctx, r)
		}
	}
}

// onPartsPage alters the pages of ListParts.
func onPartsPage(change func(*driver.PartsPage)) func(*altered) {
	return func(b *altered) {
		b.listParts = func(ctx ctx, r driver.ListPartsRequest) (driver.PartsPage, error) {
			page, err := b.whole.ListParts(ctx, r)
			change(&page)
			return page, err
		}
	}
}

// uploadMutants have bugs in uploads.
func uploadMutants() []mutant {
	return []mutant{
		{
			bug: "an upload loses its attributes", caught: []string{"attributes-upload"},
			bucket: func(b *altered) {
				b.createUpload = func(ctx ctx, r driver.CreateUploadRequest) (driver.Upload, error) {
					r.Attributes = driver.Attributes{}
					return b.whole.CreateUpload(ctx, r)
				}
			},
		},
		{
			bug: "beginning an upload deletes the old object", caught: []string{"upload-overwrite"},
			bucket: func(b *altered) {
				b.createUpload = func(ctx ctx, r driver.CreateUploadRequest) (driver.Upload, error) {
					if err := b.whole.Delete(ctx, driver.DeleteRequest{Key: r.Key}); err != nil {
						return driver.Upload{}, err
					}
					return b.whole.CreateUpload(ctx, r)
				}
			},
		},
		{
			bug: "an open upload of the key is used again", caught: []string{"upload-two"},
			bucket: func(b *altered) {
				var open sync.Map
				b.createUpload = func(ctx ctx, r driver.CreateUploadRequest) (driver.Upload, error) {
					if before, exists := open.Load(r.Key); exists {
						return before.(driver.Upload), nil
					}
					created, err := b.whole.CreateUpload(ctx, r)
					open.Store(r.Key, created)
					return created, err
				}
			},
		},
		{
			bug: "AbortUpload does nothing", caught: []string{"upload-abort", "uploads-gone"},
			bucket: func(b *altered) { b.abortUpload = func(ctx, driver.UploadRef) error { return nil } },
		},
		{
			bug: "aborting an unknown upload fails", caught: []string{"upload-unknown"},
			bucket: func(b *altered) {
				b.abortUpload = func(ctx ctx, r driver.UploadRef) error {
					if _, err := b.whole.ListParts(ctx, driver.ListPartsRequest{Upload: r}); err != nil {
						return err
					}
					return b.whole.AbortUpload(ctx, r)
				}
			},
		},
		{
			bug: "completing takes whatever parts there are", caught: []string{"upload-wrong-part"},
			bucket: onComplete(func(b *altered, ctx ctx, r *driver.CompleteUploadRequest) {
				if page, err := b.whole.ListParts(ctx, driver.ListPartsRequest{Upload: r.Upload}); err == nil {
					r.Parts = page.Parts
				}
			}),
		},
		{
			bug: "an upload echoes the checksum that it was told", caught: []string{"upload-checksum"},
			bucket: func(b *altered) {
				b.completeUpload = func(ctx ctx, r driver.CompleteUploadRequest) (driver.Object, error) {
					told := r.Checksum
					r.Checksum = driver.Checksum{}
					object, err := b.whole.CompleteUpload(ctx, r)
					object.Checksums = []driver.Checksum{told}
					return object, err
				}
			},
		},
		{
			bug: "a completed upload has a plain ETag", caught: []string{"upload"},
			bucket: func(b *altered) {
				b.completeUpload = func(ctx ctx, r driver.CompleteUploadRequest) (driver.Object, error) {
					object, err := b.whole.CompleteUpload(ctx, r)
					object.ETag = "d41d8cd98f00b204e9800998ecf8427e"
					return object, err
				}
			},
		},
		{
			bug: "an empty upload leaves nothing", caught: []string{"parts-empty"},
			bucket: func(b *altered) {
				b.completeUpload = func(ctx ctx, r driver.CompleteUploadRequest) (driver.Object, error) {
					object, err := b.whole.CompleteUpload(ctx, r)
					if err == nil && r.Size == 0 {
						err = b.whole.Delete(ctx, driver.DeleteRequest{Key: r.Upload.Key})
					}
					return object, err
				}
			},
		},
		{
			bug: "parts are listed backwards", caught: []string{"parts-listed"},
			bucket: onPartsPage(func(p *driver.PartsPage) { slices.Reverse(p.Parts) }),
		},
		{
			bug: "ListParts forgets its later pages", caught: []string{"parts-pages"},
			bucket: onPartsPage(func(p *driver.PartsPage) { p.Next = "" }),
		},
		{
			bug: "a part that was replaced is still listed", caught: []string{"parts-replaced"},
			bucket: onPartsPage(func(p *driver.PartsPage) { p.Parts = append(p.Parts, p.Parts...) }),
		},
		{
			bug: "leaked uploads are hidden", caught: []string{"uploads-leaked"},
			bucket: func(b *altered) {
				b.listUploads = func(ctx, driver.ListUploadsRequest) (driver.UploadsPage, error) {
					return driver.UploadsPage{}, nil
				}
			},
		},
		{
			bug: "uploads of neighbours are listed", caught: []string{"uploads-leaked"},
			bucket: func(b *altered) {
				b.listUploads = func(ctx ctx, r driver.ListUploadsRequest) (driver.UploadsPage, error) {
					r.Prefix = r.Prefix[:len(r.Prefix)-1]
					return b.whole.ListUploads(ctx, r)
				}
			},
		},
	}
}
