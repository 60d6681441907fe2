package drivertest

import (
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

func canUpload(s driver.Session) bool { return s.Has(driver.CapabilityUploader) }

// upload is an open upload of a case.
type upload struct {
	k        *check
	uploader driver.Uploader
	ref      driver.UploadRef
	created  driver.Upload
	attrs    driver.Attributes
}

// uploader returns the ability, which the case has made sure of.
func (k *check) uploader() driver.Uploader {
	uploader, can := driver.As[driver.Uploader](k.bucket, driver.CapabilityUploader)
	if !can {
		k.fatalf("the bucket declares uploader but does not implement it")
	}
	return uploader
}

// create begins an upload that is aborted when the case ends.
func (k *check) create(key string, attributes driver.Attributes) *upload {
	uploader := k.uploader()
	created, err := uploader.CreateUpload(k.ctx, driver.CreateUploadRequest{Key: key, Attributes: attributes})
	k.must(err, "create an upload of %q", key)
	if created.Key != key || created.ID == "" {
		k.errorf("the upload of %q was created as %q with id %q", key, created.Key, created.ID)
	}
	k.wrote(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.uploads == nil {
		k.uploads = map[driver.UploadRef]bool{}
	}
	k.uploads[created.UploadRef] = true
	return &upload{k: k, uploader: uploader, ref: created.UploadRef, created: created, attrs: attributes}
}

// trySend sends one part.
func (u *upload) trySend(number int, body []byte) (driver.Part, error) {
	exchange, err := u.uploader.SignPart(u.k.ctx, driver.PartRequest{Upload: u.ref, Number: number, Size: int64(len(body))})
	if err != nil {
		return driver.Part{}, err
	}
	answer, err := u.k.executor.Do(u.k.ctx, exchange, Send{Body: body})
	if err != nil {
		return driver.Part{}, err
	}
	u.k.checkChecksums("part", u.ref.Key, answer.Checksums, body)
	return driver.Part{Number: number, Size: int64(len(body)), ETag: answer.ETag, Checksums: answer.Checksums}, nil
}

// send sends one part, which must succeed.
func (u *upload) send(number int, body []byte) driver.Part {
	part, err := u.trySend(number, body)
	u.k.must(err, "send part %d of %q", number, u.ref.Key)
	if part.ETag == "" {
		u.k.errorf("part %d of %q was answered without ETag", number, u.ref.Key)
	}
	return part
}

// request is the completion of the upload with these parts.
func (u *upload) request(parts []driver.Part, whole []byte) driver.CompleteUploadRequest {
	request := driver.CompleteUploadRequest{Upload: u.ref, Parts: parts, Size: int64(len(whole)), Attributes: u.attrs}
	if stored := u.k.session.Checksums.Stored; len(stored) > 0 {
		request.Checksum, _ = sum(stored[0], whole) // zero where we cannot compute it, as for any host
	}
	return request
}

// complete joins the parts and checks what the store says of the object.
func (u *upload) complete(parts []driver.Part, whole []byte) driver.Object {
	object, err := u.uploader.CompleteUpload(u.k.ctx, u.request(parts, whole))
	u.k.must(err, "complete %q", u.ref.Key)
	if object.ETag == "" {
		u.k.errorf("the completed %q has no ETag", u.ref.Key)
	}
	if u.k.session.Checksums.ETagMD5 && !strings.Contains(object.ETag, "-") {
		u.k.errorf(`the completed %q has ETag %q, which must contain "-" where plain ETags are MD5`, u.ref.Key, object.ETag)
	}
	u.k.checkChecksums("complete", u.ref.Key, object.Checksums, whole)
	return object
}

// parts returns all parts that the store lists.
func (u *upload) parts() []driver.Part {
	var all []driver.Part
	request := driver.ListPartsRequest{Upload: u.ref}
	for range 10_000 {
		page, err := u.uploader.ListParts(u.k.ctx, request)
		u.k.must(err, "list the parts of %q", u.ref.Key)
		all = append(all, page.Parts...)
		if page.Next == "" {
			return all
		}
		request.Token = page.Next
	}
	u.k.fatalf("the parts of %q do not end", u.ref.Key)
	return nil
}

// partSize is the smallest size that every part may have.
func (k *check) partSize() int { return max(int(k.session.Limits.MinPart), 1) }
