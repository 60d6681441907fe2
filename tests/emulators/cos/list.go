package main

import (
	"cmp"
	"encoding/xml"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// maxPage is the most entries of a page, and their number by default.
const maxPage = 1000

// timeForm is how the vendor writes times in documents: to the second, though it
// looks finer.
const timeForm = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(timeForm) }

type owner struct {
	ID          string
	DisplayName string
}

// appID is the account's number, which ends every bucket's name.
func (c *call) appID() string { return c.bucket[strings.LastIndexByte(c.bucket, '-')+1:] }

type prefixEntry struct{ Prefix text }

type listResult struct {
	XMLName        xml.Name `xml:"ListBucketResult"`
	Name           string
	EncodingType   string `xml:",omitempty"`
	Prefix         text
	Marker         text
	MaxKeys        int
	Delimiter      text `xml:",omitempty"`
	IsTruncated    bool
	NextMarker     text `xml:",omitempty"`
	CommonPrefixes []prefixEntry
	Contents       []listEntry
}

type listEntry struct {
	Key          text
	LastModified string
	ETag         string
	Size         int64
	Owner        owner
	StorageClass string
	StorageTier  string `xml:",omitempty"`
}

// encoding makes the vendor's URL encoding, which spares slashes, from Go's.
var encoding = strings.NewReplacer("+", "%20", "%2F", "/")

// encoder returns how a listing writes keys.
func (c *call) encoder() (func(string) text, error) {
	switch c.query.Get("encoding-type") {
	case "":
		return func(key string) text { return text(key) }, nil
	case "url":
		return func(key string) text {
			return text(encoding.Replace(url.QueryEscape(key)))
		}, nil
	default:
		return nil, invalid("encoding-type must be url.")
	}
}

// getBucket is https://www.tencentcloud.com/document/product/436/7734.
func (c *call) getBucket() error {
	encode, err := c.encoder()
	if err != nil {
		return err
	}
	limit, err := c.number("max-keys", maxPage, 0, maxPage)
	if err != nil {
		return err
	}
	prefix, marker, delimiter := c.query.Get("prefix"), c.query.Get("marker"), c.query.Get("delimiter")
	result := listResult{
		Name: c.bucket, EncodingType: c.query.Get("encoding-type"), Prefix: encode(prefix), Marker: encode(marker),
		MaxKeys: limit, Delimiter: encode(delimiter),
	}
	if limit > 0 {
		page := c.store.List(bucket.Query{Prefix: prefix, Delimiter: delimiter, After: marker, Limit: limit})
		result.IsTruncated, result.NextMarker = page.Next != "", encode(page.Next)
		for _, group := range page.Groups {
			result.CommonPrefixes = append(result.CommonPrefixes, prefixEntry{encode(group)})
		}
		who := owner{c.appID(), c.appID()}
		for _, o := range c.settled(page.Objects) {
			entry := listEntry{Key: encode(o.Key), LastModified: stamp(o.Modified), ETag: o.ETag, Size: o.Blob.Size, Owner: who, StorageClass: o.Class}
			if strings.HasSuffix(o.Class, "INTELLIGENT_TIERING") {
				entry.StorageTier = "FREQUENT"
			}
			result.Contents = append(result.Contents, entry)
		}
	}
	c.w.Header().Set("x-cos-bucket-region", c.region)
	c.sendXML(200, result)
	return nil
}

// settled drops the newest objects when a stale listing is asked for: the vendor
// promises that a listing has them eventually.
func (c *call) settled(objects []*bucket.Object) []*bucket.Object {
	if !c.injected("stale-list") {
		return objects
	}
	lag := time.Duration(cmp.Or(c.fault.Millis, 60_000)) * time.Millisecond
	return slices.DeleteFunc(slices.Clone(objects), func(o *bucket.Object) bool { return o.Modified.After(c.now.Add(-lag)) })
}

type listUploadsResult struct {
	XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
	Bucket             string
	EncodingType       string `xml:"Encoding-Type"`
	KeyMarker          text
	UploadIDMarker     string `xml:"UploadIdMarker"`
	NextKeyMarker      text   `xml:",omitempty"`
	NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
	MaxUploads         int
	Prefix             text
	Delimiter          text
	IsTruncated        bool
	Upload             []uploadEntry
	CommonPrefixes     []prefixEntry
}

type uploadEntry struct {
	Key          text
	UploadID     string `xml:"UploadId"`
	Initiator    owner
	Owner        owner
	StorageClass string
	Initiated    string
}

// listUploads is https://www.tencentcloud.com/document/product/436/7736.
func (c *call) listUploads() error {
	encode, err := c.encoder()
	if err != nil {
		return err
	}
	limit, err := c.number("max-uploads", maxPage, 1, maxPage)
	if err != nil {
		return err
	}
	prefix, delimiter := c.query.Get("prefix"), c.query.Get("delimiter")
	keyMarker, idMarker := c.query.Get("key-marker"), c.query.Get("upload-id-marker")
	result := listUploadsResult{
		Bucket: c.bucket, EncodingType: c.query.Get("encoding-type"), KeyMarker: encode(keyMarker), UploadIDMarker: idMarker,
		MaxUploads: limit, Prefix: encode(prefix), Delimiter: encode(delimiter),
	}
	uploads := c.store.Uploads()
	slices.SortFunc(uploads, func(a, b bucket.Upload) int {
		return cmp.Or(cmp.Compare(a.Object.Key, b.Object.Key), cmp.Compare(a.ID, b.ID))
	})
	lastGroup, lastKey, lastID := "", "", ""
	for _, u := range uploads {
		key := u.Object.Key
		seen := key < keyMarker || key == keyMarker && (idMarker == "" || u.ID <= idMarker)
		if keyMarker != "" && seen || !strings.HasPrefix(key, prefix) {
			continue
		}
		group := groupOf(key, prefix, delimiter)
		if group != "" && (group == lastGroup || group == keyMarker) {
			continue
		}
		if len(result.Upload)+len(result.CommonPrefixes) == limit {
			result.IsTruncated, result.NextKeyMarker, result.NextUploadIDMarker = true, encode(lastKey), lastID
			break
		}
		if group != "" {
			lastGroup, lastKey, lastID = group, group, ""
			result.CommonPrefixes = append(result.CommonPrefixes, prefixEntry{encode(group)})
			continue
		}
		lastKey, lastID = key, u.ID
		who := account()
		result.Upload = append(result.Upload, uploadEntry{
			Key: encode(key), UploadID: u.ID, Initiator: who, Owner: who, StorageClass: u.Object.Class, Initiated: stamp(u.Created),
		})
	}
	c.sendXML(200, result)
	return nil
}

// groupOf returns the common prefix that a key falls into, "" if into none.
func groupOf(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	before, _, ok := strings.Cut(key[len(prefix):], delimiter)
	if !ok {
		return ""
	}
	return prefix + before + delimiter
}

type listPartsResult struct {
	XMLName              xml.Name `xml:"ListPartsResult"`
	Bucket               string
	EncodingType         string `xml:"Encoding-type"`
	Key                  text
	UploadID             string `xml:"UploadId"`
	Owner                owner
	PartNumberMarker     int
	Initiator            owner
	Part                 []partEntry
	NextPartNumberMarker int `xml:",omitempty"`
	StorageClass         string
	MaxParts             int
	IsTruncated          bool
}

type partEntry struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
}

// listParts is https://www.tencentcloud.com/document/product/436/7747.
func (c *call) listParts() error {
	u, err := c.upload()
	if err != nil {
		return err
	}
	encode, err := c.encoder()
	if err != nil {
		return err
	}
	limit, err := c.number("max-parts", maxPage, 1, maxPage)
	if err != nil {
		return err
	}
	marker := 0
	if c.query.Get("part-number-marker") != "" {
		if marker, err = c.number("part-number-marker", 0, 0, maxParts); err != nil {
			return err
		}
	}
	parts, ok := c.store.Parts(u.ID)
	if !ok {
		return bucket.ErrNoUpload
	}
	result := listPartsResult{
		Bucket: c.bucket, EncodingType: c.query.Get("encoding-type"), Key: encode(c.key), UploadID: u.ID,
		Owner: owner{c.appID(), c.appID()}, Initiator: account(), PartNumberMarker: marker,
		StorageClass: u.Object.Class, MaxParts: limit,
	}
	for _, p := range parts {
		if p.Number <= marker {
			continue
		}
		if len(result.Part) == limit {
			result.IsTruncated, result.NextPartNumberMarker = true, result.Part[limit-1].PartNumber
			break
		}
		result.Part = append(result.Part, partEntry{PartNumber: p.Number, LastModified: stamp(p.Modified), ETag: p.ETag, Size: p.Blob.Size})
	}
	c.sendXML(200, result)
	return nil
}
