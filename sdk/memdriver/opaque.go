package memdriver

import "fmt"

// OpaqueETags has a bucket give every object that is written from now on an ETag of its
// own, which says nothing of the bytes: what was written twice has two. It is for drivers
// that do not declare [driver.Checksums.ETagMD5]. ETags of parts stay as they are.
func (s *Server) OpaqueETags(bucket string) error {
	return s.within(bucket, func(b *bucketData) error {
		b.opaque = true
		return nil
	})
}

// etag returns the ETag that the bucket gives an object.
func (b *bucketData) etag(object *storedObject) string {
	if !b.opaque {
		return object.ETag
	}
	b.written++
	return fmt.Sprintf("opaque%06d", b.written)
}
