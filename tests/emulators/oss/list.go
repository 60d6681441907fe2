package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

const (
	defaultKeys = 100 // of one page, unless the request says otherwise
	maxKeys     = 1000
)

// encoding is how keys are written in an answer.
type encoding struct{ name string }

func (c *call) encoding() (encoding, error) {
	name := c.query.Get("encoding-type")
	if name == "" && c.query.Has("delete") {
		name = c.r.Header.Get("encoding-type")
	}
	if name != "" && !strings.EqualFold(name, "url") {
		return encoding{}, invalid("The encoding type must be url.")
	}
	return encoding{strings.ToLower(name)}, nil
}

func (e encoding) encode(key string) text {
	if e.name == "" {
		return text(key)
	}
	return text(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"))
}

type objectEntry struct {
	Key          text
	LastModified string
	ETag         string
	Type         string
	Size         int64
	StorageClass string
	RestoreInfo  string `xml:",omitempty"`
	Owner        *owner
}

type groupEntry struct {
	Prefix text
}

func (c *call) objectEntry(o *bucket.Object, e encoding, withOwner bool) objectEntry {
	entry := objectEntry{
		Key: e.encode(o.Key), LastModified: stamp(o.Modified), ETag: o.ETag, Type: objectType(o), Size: o.Blob.Size,
		StorageClass: o.Class, RestoreInfo: restoreState(o, c.now),
	}
	if withOwner {
		who := account()
		entry.Owner = &who
	}
	return entry
}

// listing is what both forms of listing have in common.
type listing struct {
	encoding
	query bucket.Query
}

// ask reads the parameters; after is the name of that which says where to begin.
func (c *call) ask(after string) (listing, error) {
	e, err := c.encoding()
	if err != nil {
		return listing{}, err
	}
	limit, err := c.number("max-keys", defaultKeys, 1, maxKeys)
	if err != nil {
		return listing{}, err
	}
	q := bucket.Query{Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: c.query.Get(after), Limit: limit}
	for name, value := range map[string]string{"prefix": q.Prefix, "delimiter": q.Delimiter, after: q.After} {
		if len(value) > maxKey {
			return listing{}, invalid("The length of " + name + " must be less than 1024.")
		}
	}
	return listing{e, q}, nil
}

type listResult struct {
	XMLName        xml.Name `xml:"ListBucketResult"`
	Name           string
	Prefix         text
	Marker         text
	MaxKeys        int
	Delimiter      text
	EncodingType   string `xml:",omitempty"`
	IsTruncated    bool
	NextMarker     text          `xml:",omitempty"`
	Contents       []objectEntry `xml:"Contents"`
	CommonPrefixes []groupEntry  `xml:"CommonPrefixes"`
}

// listObjects is https://help.aliyun.com/en/oss/developer-reference/listobjects.
func (c *call) listObjects() error {
	l, err := c.ask("marker")
	if err != nil {
		return err
	}
	page := c.store.List(l.query)
	result := listResult{
		Name: c.bucket, Prefix: l.encode(l.query.Prefix), Marker: l.encode(l.query.After), MaxKeys: l.query.Limit,
		Delimiter: l.encode(l.query.Delimiter), EncodingType: l.name, IsTruncated: page.Next != "", NextMarker: l.encode(page.Next),
	}
	for _, o := range page.Objects {
		result.Contents = append(result.Contents, c.objectEntry(o, l.encoding, true))
	}
	for _, group := range page.Groups {
		result.CommonPrefixes = append(result.CommonPrefixes, groupEntry{l.encode(group)})
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

type listResultV2 struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                text
	StartAfter            text `xml:",omitempty"`
	ContinuationToken     text `xml:",omitempty"`
	MaxKeys               int
	Delimiter             text   `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	NextContinuationToken text          `xml:",omitempty"`
	Contents              []objectEntry `xml:"Contents"`
	CommonPrefixes        []groupEntry  `xml:"CommonPrefixes"`
	KeyCount              int
}

// listObjectsV2 is https://help.aliyun.com/en/oss/developer-reference/listobjectsv2.
func (c *call) listObjectsV2() error {
	if c.query.Get("list-type") != "2" {
		return invalid("The list type must be 2.")
	}
	l, err := c.ask("start-after")
	if err != nil {
		return err
	}
	start, token := l.query.After, c.query.Get("continuation-token")
	if token != "" {
		if l.query.After, err = readToken(token); err != nil {
			return err
		}
	}
	page := c.store.List(l.query)
	result := listResultV2{
		Name: c.bucket, Prefix: l.encode(l.query.Prefix), StartAfter: l.encode(start), ContinuationToken: text(token), MaxKeys: l.query.Limit,
		Delimiter: l.encode(l.query.Delimiter), EncodingType: l.name, IsTruncated: page.Next != "", KeyCount: len(page.Objects) + len(page.Groups),
	}
	if page.Next != "" {
		result.NextContinuationToken = text(makeToken(page.Next))
	}
	for _, o := range page.Objects {
		result.Contents = append(result.Contents, c.objectEntry(o, l.encoding, c.query.Get("fetch-owner") == "true"))
	}
	for _, group := range page.Groups {
		result.CommonPrefixes = append(result.CommonPrefixes, groupEntry{l.encode(group)})
	}
	c.sendXML(http.StatusOK, result)
	return nil
}

// tokens is the alphabet of continuation tokens, as their samples show it.
var tokens = base64.StdEncoding.WithPadding('-')

// makeToken makes the token that goes on after a key: a field mark, the key's
// length, the key.
func makeToken(after string) string {
	token := binary.AppendUvarint([]byte{0x0a}, uint64(len(after)))
	return tokens.EncodeToString(append(token, after...))
}

func readToken(token string) (after string, err error) {
	plain, err := tokens.DecodeString(token)
	if err == nil && len(plain) > 1 && plain[0] == 0x0a {
		if length, n := binary.Uvarint(plain[1:]); n > 0 && length == uint64(len(plain)-1-n) {
			return string(plain[1+n:]), nil
		}
	}
	return "", invalid("The continuation token is not one that a listing returned.")
}

type partEntry struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
	HashCRC64    string `xml:"HashCrc64ecma"`
}

type partsResult struct {
	XMLName              xml.Name `xml:"ListPartsResult"`
	EncodingType         string   `xml:",omitempty"`
	Bucket               string
	Key                  text
	UploadID             string `xml:"UploadId"`
	StorageClass         string
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	Parts                []partEntry `xml:"Part"`
}

// listParts is https://help.aliyun.com/en/oss/developer-reference/listparts.
func (c *call) listParts() error {
	u, err := c.upload()
	if err != nil {
		return err
	}
	e, err := c.encoding()
	if err != nil {
		return err
	}
	limit, err := c.number("max-parts", maxKeys, 1, maxKeys)
	if err != nil {
		return err
	}
	marker, err := c.number("part-number-marker", 0, 0, maxParts)
	if err != nil {
		return err
	}
	parts, _ := c.store.Parts(u.ID)
	result := partsResult{
		EncodingType: e.name, Bucket: c.bucket, Key: e.encode(c.key), UploadID: u.ID, StorageClass: u.Object.Class,
		PartNumberMarker: marker, NextPartNumberMarker: marker, MaxParts: limit,
	}
	for _, p := range parts {
		if p.Number <= marker {
			continue
		}
		if len(result.Parts) == limit {
			result.IsTruncated = true
			break
		}
		result.NextPartNumberMarker = p.Number
		result.Parts = append(result.Parts, partEntry{p.Number, stamp(p.Modified), p.ETag, p.Blob.Size, strconv.FormatUint(p.Blob.CRC64, 10)})
	}
	c.sendXML(http.StatusOK, result)
	return nil
}
