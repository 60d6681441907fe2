package memdriver

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/minio/crc64nvme"
)

const (
	maxKeyBytes   = 1024
	maxMetadata   = 2048
	maxPageKeys   = 1000
	maxPartNumber = 10_000
)

// bucketData is the content of one bucket. The server's lock guards it.
type bucketData struct {
	objects map[string]*storedObject
	keys    []string // of objects, ascending
	uploads map[string]*openUpload
	opaque  bool // ETags say nothing of the bytes
	written int  // objects since then
}

// storedObject is one version of an object. It is never modified, so answers in
// flight keep the version that they began with.
type storedObject struct {
	driver.Object
	data     []byte
	tags     []driver.Tag
	restored bool // readable although archived
}

// newObject describes data as one PUT stores it.
func newObject(key string, data []byte, attributes driver.Attributes, modified time.Time) *storedObject {
	class, tags := attributes.StorageClass, attributes.Tags
	attributes.StorageClass, attributes.Tags = "", nil
	return &storedObject{
		Object: driver.Object{
			Key:          key,
			Size:         int64(len(data)),
			ETag:         hexMD5(data),
			Modified:     modified.UTC().Truncate(time.Second), // as Last-Modified can say it
			StorageClass: class,
			Attributes:   attributes,
			Checksums:    []driver.Checksum{crc64(data)},
		},
		data: data,
		tags: tags,
	}
}

func hexMD5(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

func crc64(data []byte) driver.Checksum {
	value := binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(data))
	return driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: string(value)}
}

func (b *bucketData) put(object *storedObject) {
	object.ETag = b.etag(object)
	if _, exists := b.objects[object.Key]; !exists {
		at, _ := slices.BinarySearch(b.keys, object.Key)
		b.keys = slices.Insert(b.keys, at, object.Key)
	}
	b.objects[object.Key] = object
}

func (b *bucketData) get(key string) (*storedObject, error) {
	object, exists := b.objects[key]
	if !exists {
		return nil, &failure{404, "NoSuchKey", "no object has this key"}
	}
	return object, nil
}

func (b *bucketData) delete(key string) {
	if _, exists := b.objects[key]; !exists {
		return
	}
	delete(b.objects, key)
	at, _ := slices.BinarySearch(b.keys, key)
	b.keys = slices.Delete(b.keys, at, at+1)
}
