package memdriver

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// openUpload is one upload that was neither completed nor aborted.
type openUpload struct {
	driver.Upload
	attributes driver.Attributes
	minPart    int64
	parts      map[int]*storedPart
}

type storedPart struct {
	driver.Part
	data []byte
}

// createUpload is the wire form of CreateUpload: the smallest part is an option
// of the driver.
type createUpload struct {
	driver.CreateUploadRequest
	MinPart int64
}

func (b *bucketData) create(id string, request createUpload, now time.Time) driver.Upload {
	upload := &openUpload{
		Upload: driver.Upload{
			UploadRef: driver.UploadRef{Key: request.Key, ID: id},
			Initiated: now.UTC().Truncate(time.Second),
		},
		attributes: request.Attributes,
		minPart:    request.MinPart,
		parts:      map[int]*storedPart{},
	}
	b.uploads[id] = upload
	return upload.Upload
}

func (b *bucketData) upload(ref driver.UploadRef) (*openUpload, error) {
	upload, exists := b.uploads[ref.ID]
	if !exists || upload.Key != ref.Key {
		return nil, &failure{404, "NoSuchUpload", "the key has no open upload of this id"}
	}
	return upload, nil
}

func newPart(number int, data []byte) *storedPart {
	return &storedPart{
		Part: driver.Part{
			Number: number, Size: int64(len(data)), ETag: hexMD5(data),
			Checksums: []driver.Checksum{crc64(data)},
		},
		data: data,
	}
}

func (b *bucketData) listParts(request driver.ListPartsRequest) (driver.PartsPage, error) {
	upload, err := b.upload(request.Upload)
	if err != nil {
		return driver.PartsPage{}, err
	}
	after := 0
	if request.Token != "" {
		if after, err = strconv.Atoi(request.Token); err != nil {
			return driver.PartsPage{}, &failure{400, "InvalidToken", "the token is not one that a listing returned"}
		}
	}
	var page driver.PartsPage
	for number := after + 1; number <= maxPartNumber; number++ {
		part, exists := upload.parts[number]
		if !exists {
			continue
		}
		if len(page.Parts) == maxPageKeys {
			page.Next = strconv.Itoa(page.Parts[maxPageKeys-1].Number)
			break
		}
		page.Parts = append(page.Parts, part.Part)
	}
	return page, nil
}

// complete joins the parts of an upload into its object.
func (b *bucketData) complete(request driver.CompleteUploadRequest, now time.Time) (driver.Object, error) {
	upload, err := b.upload(request.Upload)
	if err != nil {
		return driver.Object{}, err
	}
	parts, err := upload.choose(request.Parts)
	if err != nil {
		return driver.Object{}, err
	}
	var data bytes.Buffer
	etags := md5.New()
	for _, part := range parts {
		data.Write(part.data)
		sum := md5.Sum(part.data)
		etags.Write(sum[:])
	}
	object := newObject(upload.Key, data.Bytes(), upload.attributes, now)
	object.ETag = fmt.Sprintf("%s-%d", hex.EncodeToString(etags.Sum(nil)), len(parts))
	if object.Size != request.Size {
		return driver.Object{}, &failure{400, "InvalidSize", fmt.Sprintf("the parts hold %d bytes, not %d", object.Size, request.Size)}
	}
	if err := matchChecksum(request.Checksum, object.Checksums[0]); err != nil {
		return driver.Object{}, err
	}
	b.put(object)
	delete(b.uploads, upload.ID)
	return driver.Object{
		Key: object.Key, Size: object.Size, ETag: object.ETag, Modified: object.Modified, Checksums: object.Checksums,
	}, nil
}

// choose returns the stored parts that the list names, refusing gaps, unknown
// parts and parts that are too small.
func (u *openUpload) choose(list []driver.Part) ([]*storedPart, error) {
	if len(list) == 0 {
		return nil, &failure{400, "InvalidArgument", "an object needs at least one part"}
	}
	var parts []*storedPart
	for i, wanted := range list {
		part, exists := u.parts[wanted.Number]
		switch {
		case wanted.Number != i+1:
			return nil, &failure{400, "InvalidPartOrder", "parts must ascend from 1 without gaps"}
		case !exists || part.ETag != wanted.ETag:
			return nil, &failure{400, "InvalidPart", fmt.Sprintf("part %d was not sent, or replaced", wanted.Number)}
		case part.Size < u.minPart && i < len(list)-1:
			return nil, &failure{400, "EntityTooSmall", fmt.Sprintf("part %d has less than %d bytes", wanted.Number, u.minPart)}
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// matchChecksum refuses data whose checksum is not the one announced. Other
// algorithms than the store's own say nothing.
func matchChecksum(announced, actual driver.Checksum) error {
	if announced.Algorithm == actual.Algorithm && announced.Value != actual.Value {
		return &failure{400, "BadDigest", "the bytes do not have the checksum that was announced"}
	}
	return nil
}

func (b *bucketData) listUploads(request driver.ListUploadsRequest) driver.UploadsPage {
	var found []driver.Upload
	for _, upload := range b.uploads {
		if strings.HasPrefix(upload.Key, request.Prefix) && uploadToken(upload.Upload) > request.Token {
			found = append(found, upload.Upload)
		}
	}
	slices.SortFunc(found, func(a, b driver.Upload) int { return cmp.Compare(uploadToken(a), uploadToken(b)) })
	if len(found) <= maxPageKeys {
		return driver.UploadsPage{Uploads: found}
	}
	found = found[:maxPageKeys]
	return driver.UploadsPage{Uploads: found, Next: uploadToken(found[maxPageKeys-1])}
}

// uploadToken orders uploads by key, then by age: hex keeps the order of keys
// and "-" sorts before its digits.
func uploadToken(upload driver.Upload) string {
	return hex.EncodeToString([]byte(upload.Key)) + "-" + upload.ID
}
