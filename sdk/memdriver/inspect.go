package memdriver

import (
	"bytes"
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

// CreateBucket makes an empty bucket, or empties the one of that name.
func (s *Server) CreateBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = &bucketData{objects: map[string]*storedObject{}, uploads: map[string]*openUpload{}}
}

// RemoveBucket forgets a bucket and all that it holds; harmless where there is none.
func (s *Server) RemoveBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets, name)
}

// Put stores an object as one PUT would, without a request. Metadata must
// ascend by name. It returns the object's ETag and reports an absent bucket.
func (s *Server) Put(bucket, key string, data []byte, attributes driver.Attributes) (etag string, err error) {
	object := newObject(key, bytes.Clone(data), attributes, s.now())
	err = s.within(bucket, func(b *bucketData) error {
		b.put(object)
		return nil
	})
	return object.ETag, err
}

// Get returns an object and its bytes, which the caller must not modify.
func (s *Server) Get(bucket, key string) (driver.Object, []byte, error) {
	var object *storedObject
	err := s.within(bucket, func(b *bucketData) (err error) {
		object, err = b.get(key)
		return err
	})
	if err != nil {
		return driver.Object{}, nil, err
	}
	return object.Object, object.data, nil
}

// Tags returns the tags of an object.
func (s *Server) Tags(bucket, key string) ([]driver.Tag, error) {
	var tags []driver.Tag
	err := s.within(bucket, func(b *bucketData) error {
		object, err := b.get(key)
		if err == nil {
			tags = slices.Clone(object.tags)
		}
		return err
	})
	return tags, err
}

// Keys returns all keys of a bucket in ascending order; none for an absent bucket.
func (s *Server) Keys(bucket string) []string {
	var keys []string
	_ = s.within(bucket, func(b *bucketData) error { // fails only when there is no bucket
		keys = slices.Clone(b.keys)
		return nil
	})
	return keys
}

// Uploads returns the open uploads of a bucket by key and age.
func (s *Server) Uploads(bucket string) []driver.Upload {
	var uploads []driver.Upload
	_ = s.within(bucket, func(b *bucketData) error { // fails only when there is no bucket
		uploads = b.listUploads(driver.ListUploadsRequest{}).Uploads
		return nil
	})
	return uploads
}

// Count returns how many requests of a kind the server received; see
// [Fault.Call] for the names.
func (s *Server) Count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[call]
}

// Remove deletes an object without a request. It reports an absent bucket, not an absent
// object.
func (s *Server) Remove(bucket, key string) error {
	return s.within(bucket, func(b *bucketData) error {
		b.delete(key)
		return nil
	})
}
