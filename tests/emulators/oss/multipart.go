package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/internal/serve"
)

const (
	minPart  = 100 << 10 // bytes, but for the last part
	maxParts = 10000
)

type initiateResult struct {
	XMLName      xml.Name `xml:"InitiateMultipartUploadResult"`
	EncodingType string   `xml:",omitempty"`
	Bucket       string
	Key          text
	UploadID     string `xml:"UploadId"`
}

// initiateUpload is https://help.aliyun.com/en/oss/developer-reference/initiatemultipartupload.
func (c *call) initiateUpload() error {
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	e, err := c.encoding()
	if err != nil {
		return err
	}
	old, _ := c.store.Get(c.key)
	if err := newcomer(c.r.Header)(old); err != nil {
		return err
	}
	id, err := c.store.CreateUpload(bucket.Upload{ID: serve.RequestID() + serve.RequestID()[:8], Created: c.now, Object: o})
	if err != nil {
		return err
	}
	if method := o.Header.Get(encryption); method != "" {
		c.w.Header().Set(encryption, method)
	}
	c.sendXML(http.StatusOK, initiateResult{EncodingType: e.name, Bucket: c.bucket, Key: e.encode(c.key), UploadID: id})
	return nil
}

// upload finds the upload that the request is for, which must be the key's.
func (c *call) upload() (bucket.Upload, error) {
	u, ok := c.store.Upload(c.query.Get("uploadId"))
	if !ok || u.Object.Key != c.key {
		return bucket.Upload{}, bucket.ErrNoUpload
	}
	return u, nil
}

// part reads the upload and the number of a part that is being written.
func (c *call) part() (id string, number int, err error) {
	number, err = strconv.Atoi(c.query.Get("partNumber"))
	switch {
	case c.query.Get("partNumber") == "":
		e := invalid("Unexpected query string parameter").because("0017-00000219")
		e.details = [][2]string{{"ArgumentName", "ResourceType"}, {"ArgumentValue", "partNumber"}}
		return "", 0, e
	case err != nil || number < 1 || number > maxParts:
		e := invalid("Part number must be an integer between 1 and 10000, inclusive.").because("0017-00000220")
		e.details = [][2]string{{"ArgumentName", "PartNumber"}, {"ArgumentValue", c.query.Get("partNumber")}}
		return "", 0, e
	case c.r.Header.Get(storageClass) != "":
		return "", 0, lateClass()
	}
	u, err := c.upload()
	return u.ID, number, err
}

// lateClass refuses a storage class anywhere but at the beginning of an upload.
func lateClass() error {
	return invalid("The storage class is set when the upload is initiated.").because("0042-00000202")
}

// uploadPart is https://help.aliyun.com/en/oss/developer-reference/uploadpart.
// How short a part may be is seen at the end only, when the last one is known.
func (c *call) uploadPart() error {
	id, number, err := c.part()
	if err != nil {
		return err
	}
	blob, err := c.receive()
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	p := bucket.Part{Number: number, Blob: blob, ETag: quoted(blob.MD5), Modified: c.now}
	if err := c.store.PutPart(id, p); err != nil {
		return err
	}
	c.tellStored(&bucket.Object{Blob: blob, ETag: p.ETag})
	return c.sendEmpty(http.StatusOK)
}

// completion is the request's list of parts.
type completion struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber int
		ETag       string
	} `xml:"Part"`
}

type completeResult struct {
	XMLName      xml.Name `xml:"CompleteMultipartUploadResult"`
	EncodingType string   `xml:",omitempty"`
	Location     text
	Bucket       string
	Key          text
	ETag         string
}

// completeUpload is https://help.aliyun.com/en/oss/developer-reference/completemultipartupload.
func (c *call) completeUpload() error {
	u, err := c.upload()
	if err != nil {
		return err
	}
	if c.r.Header.Get(storageClass) != "" {
		return lateClass()
	}
	e, err := c.encoding()
	if err != nil {
		return err
	}
	callback, err := c.callback()
	if err != nil {
		return err
	}
	choose, err := c.chooser()
	if err != nil {
		return err
	}
	o, err := c.store.Complete(u.ID, func(old *bucket.Object, u bucket.Upload, parts []bucket.Part) (bucket.Object, []bucket.Part, error) {
		if err := newcomer(c.r.Header)(old); err != nil {
			return bucket.Object{}, nil, err
		}
		chosen, err := choose(parts)
		if err != nil {
			return bucket.Object{}, nil, err
		}
		o := u.Object
		o.ETag, o.Modified = joinedTag(chosen), c.now
		return o, chosen, nil
	})
	if err != nil {
		return err
	}
	c.tellStored(o)
	if callback != nil {
		return c.callBack(callback, o)
	}
	c.sendXML(http.StatusOK, completeResult{
		EncodingType: e.name, Location: text("http://" + c.r.Host + c.r.URL.EscapedPath()), Bucket: c.bucket, Key: e.encode(c.key), ETag: o.ETag,
	})
	return nil
}

// joinedTag makes the ETag of an object made of parts. The vendor states its
// form only: something unique, a hyphen, and the number of parts.
func joinedTag(parts []bucket.Part) string {
	sums := md5.New()
	for _, p := range parts {
		sums.Write(p.Blob.MD5)
	}
	return fmt.Sprintf(`"%s-%d"`, strings.ToUpper(hex.EncodeToString(sums.Sum(nil))), len(parts))
}

// chooser reads which parts the object shall be made of: those listed, or all
// with x-oss-complete-all.
func (c *call) chooser() (func([]bucket.Part) ([]bucket.Part, error), error) {
	body, err := c.receiveDocument()
	if err != nil {
		return nil, err
	}
	if all := c.r.Header.Get("x-oss-complete-all"); all != "" {
		if all != "yes" || len(body) > 0 {
			return nil, invalid("With x-oss-complete-all: yes the request must have no body.")
		}
		return func(parts []bucket.Part) ([]bucket.Part, error) { return parts, longEnough(parts) }, nil
	}
	var list completion
	if err := parseXML(body, &list); err != nil {
		return nil, err
	}
	if len(list.Parts) == 0 || len(list.Parts) > maxParts {
		return nil, malformedXML()
	}
	return list.choose, nil
}

func (list completion) choose(parts []bucket.Part) ([]bucket.Part, error) {
	chosen := make([]bucket.Part, 0, len(list.Parts))
	last := 0
	for _, listed := range list.Parts {
		if listed.PartNumber <= last {
			return nil, badRequest("InvalidPartOrder", "The list of parts was not in ascending order. Parts list must specified in order by part number.").because("0042-00000209")
		}
		last = listed.PartNumber
		at, ok := slices.BinarySearchFunc(parts, listed.PartNumber, func(p bucket.Part, number int) int { return p.Number - number })
		if !ok || !sameTag(listed.ETag, parts[at].ETag) || listed.ETag == "*" {
			e := badRequest("InvalidPart", "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.")
			e.details = [][2]string{{"ETag", listed.ETag}, {"PartNumber", itoa(listed.PartNumber)}}
			return nil, e
		}
		chosen = append(chosen, parts[at])
	}
	return chosen, longEnough(chosen)
}

func longEnough(parts []bucket.Part) error {
	if len(parts) == 0 {
		return badRequest("InvalidPart", "The upload has no part.")
	}
	for _, p := range parts[:len(parts)-1] {
		if p.Blob.Size < minPart {
			e := badRequest("EntityTooSmall", "Your proposed upload smaller than the minimum allowed size.").because("0042-00000213")
			e.details = [][2]string{{"ETag", strings.Trim(p.ETag, `"`)}, {"MinSizeAllowed", itoa(minPart)}, {"PartNumber", itoa(p.Number)}, {"ProposedSize", itoa(p.Blob.Size)}}
			return e
		}
	}
	return nil
}

// abortUpload is https://help.aliyun.com/en/oss/developer-reference/abortmultipartupload.
func (c *call) abortUpload() error {
	u, err := c.upload()
	if err != nil {
		return err
	}
	if err := c.store.Abort(u.ID); err != nil {
		return err
	}
	return c.sendEmpty(http.StatusNoContent)
}
