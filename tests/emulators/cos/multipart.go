package main

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

const (
	minPart  = 1 << 20 // bytes, but for the last part
	maxParts = 10000
)

type initiateResult struct {
	XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
	Bucket   string
	Key      text
	UploadID string `xml:"UploadId"`
}

// initiateUpload is https://www.tencentcloud.com/document/product/436/7746.
func (c *call) initiateUpload() error {
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	if ban := c.r.Header.Get(overwriteBan); ban != "" {
		if old, ok := c.store.Get(c.key); ok {
			if err := newcomer(c.r.Header)(old); err != nil {
				return err
			}
		}
		o.Header.Set(overwriteBan, ban) // until the upload ends
	}
	var noise [31]byte
	_, _ = rand.Read(noise[:]) // never fails
	now := c.desk.Now()
	id := fmt.Sprintf("%d%x", now.Unix(), noise)
	if id, err = c.store.CreateUpload(bucket.Upload{ID: id, Created: now, Object: o}); err != nil {
		return err
	}
	if method := o.Header.Get(encryption); method != "" {
		c.w.Header().Set(encryption, method)
	}
	c.sendXML(http.StatusOK, initiateResult{Bucket: c.bucket, Key: text(c.key), UploadID: id})
	return nil
}

// upload returns the upload that the request is about: an upload of its key.
func (c *call) upload() (bucket.Upload, error) {
	u, ok := c.store.Upload(c.query.Get("uploadId"))
	if !ok || u.Object.Key != c.key {
		return u, bucket.ErrNoUpload
	}
	return u, nil
}

// part returns the upload and the part's number that the request is about.
func (c *call) part() (id string, number int, err error) {
	u, err := c.upload()
	if err != nil {
		return "", 0, err
	}
	if !c.query.Has("partNumber") {
		return "", 0, invalid("partNumber is missing.")
	}
	number, err = c.number("partNumber", 0, 1, maxParts)
	return u.ID, number, err
}

// uploadPart is https://www.tencentcloud.com/document/product/436/7750.
func (c *call) uploadPart() error {
	id, number, err := c.part()
	if err != nil {
		return err
	}
	blob, err := c.receive(false)
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	p := bucket.Part{Number: number, Blob: blob, ETag: quoted(blob.MD5), Modified: c.desk.Now(), NoCRC64: c.injected("no-crc64")}
	if err := c.store.PutPart(id, p); err != nil {
		return err
	}
	c.w.Header()["ETag"] = []string{p.ETag}
	if !p.NoCRC64 {
		c.w.Header().Set("x-cos-hash-crc64ecma", strconv.FormatUint(blob.CRC64, 10))
	}
	return c.sendEmpty(http.StatusOK)
}

// abortUpload is https://www.tencentcloud.com/document/product/436/7740.
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

type completeRequest struct {
	XMLName xml.Name       `xml:"CompleteMultipartUpload"`
	Parts   []completePart `xml:"Part"`
}

type completePart struct {
	PartNumber int
	ETag       string
}

type completeResult struct {
	XMLName  xml.Name `xml:"http://www.qcloud.com/document/product/436/7751 CompleteMultipartUploadResult"`
	Location text
	Bucket   string
	Key      text
	ETag     string
}

// completeUpload is https://www.tencentcloud.com/document/product/436/7742.
func (c *call) completeUpload() error {
	u, err := c.upload()
	if err != nil {
		return err
	}
	var request completeRequest
	if err := c.receiveXML(&request); err != nil {
		return err
	}
	return c.late(func() (any, error) {
		o, err := c.store.Complete(u.ID, func(old *bucket.Object, u bucket.Upload, have []bucket.Part) (bucket.Object, []bucket.Part, error) {
			for _, h := range []http.Header{c.r.Header, u.Object.Header} {
				if err := newcomer(h)(old); err != nil {
					return bucket.Object{}, nil, err
				}
			}
			parts, err := choose(request.Parts, have)
			return c.assemble(u, parts), parts, err
		})
		if err != nil {
			return nil, err
		}
		c.tellStored(o)
		c.w.Header().Del("ETag") // it is in the document
		return completeResult{
			Location: text("http://" + c.r.Host + c.r.URL.Path), Bucket: c.bucket, Key: text(c.key), ETag: o.ETag,
		}, nil
	})
}

// choose finds the parts that a request lists: numbered from 1 without a gap,
// with the ETags they were answered with.
func choose(listed []completePart, have []bucket.Part) ([]bucket.Part, error) {
	if len(listed) == 0 {
		return nil, badRequest("MalformedXML", "The list of parts is empty.")
	}
	for i, want := range listed[1:] {
		if want.PartNumber <= listed[i].PartNumber {
			return nil, badRequest("InvalidPartOrder", "The list of parts was not in ascending order.")
		}
	}
	parts := make([]bucket.Part, len(listed))
	for i, want := range listed {
		if want.PartNumber != i+1 {
			return nil, badRequest("InvalidPart", fmt.Sprintf("The part numbers are not continuous: %d in place %d.", want.PartNumber, i+1))
		}
		at, ok := slices.BinarySearchFunc(have, want.PartNumber, func(p bucket.Part, number int) int { return p.Number - number })
		if !ok || !sameTag(want.ETag, have[at].ETag) {
			return nil, badRequest("InvalidPart", fmt.Sprintf("Part %d was not uploaded, or with another ETag.", want.PartNumber))
		}
		parts[i] = have[at]
	}
	for _, p := range parts[:len(parts)-1] {
		if p.Blob.Size < minPart {
			return nil, badRequest("EntityTooSmall", fmt.Sprintf("Part %d has %d bytes; every part but the last needs %d.", p.Number, p.Blob.Size, minPart))
		}
	}
	return parts, nil
}

// assemble describes the object that parts make. Its ETag ends in their number
// and is no digest of them: in the vendor's samples one and the same part makes
// another ETag in every upload. It has a CRC-64 if every part has one.
func (c *call) assemble(u bucket.Upload, parts []bucket.Part) bucket.Object {
	o := u.Object
	o.Header = o.Header.Clone()
	o.Header.Del(overwriteBan)
	for _, p := range parts {
		o.NoCRC64 = o.NoCRC64 || p.NoCRC64
	}
	o.ETag = fmt.Sprintf(`"%x-%d"`, md5.Sum([]byte(u.ID)), len(parts))
	o.Modified = c.desk.Now()
	return o
}

// blanks is how often a slow answer shows that it is still under way.
const blanks = 3

// late does what may take the vendor minutes, and answers with its result. The
// vendor answers 200 at once, sends white space for as long as it works, and only
// then the result, which may be an error; the emulator does so when a fault asks.
func (c *call) late(work func() (any, error)) error {
	slow, broken := c.injected("late-result"), c.injected("late-error")
	if !slow && !broken {
		document, err := work()
		if err == nil {
			c.sendXML(http.StatusOK, document)
		}
		return err
	}
	var document any
	var err error
	if slow { // before the answer begins: its headers hold the CRC-64
		document, err = work()
	} else {
		code, message := c.fault.Code, c.fault.Message
		if code == "" {
			code, message = "InternalError", "We encountered an internal error. Please try again."
		}
		err = &refusal{http.StatusOK, code, message}
	}
	if err != nil {
		document = c.document(asRefusal(err))
	}
	body, err := marshal(document)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.WriteHeader(http.StatusOK)
	for range blanks {
		_, _ = c.w.Write([]byte(" "))
		_ = http.NewResponseController(c.w).Flush()
		if !c.pause(time.Duration(c.fault.Millis) * time.Millisecond / blanks) {
			return nil
		}
	}
	_, _ = c.w.Write(body) // a client that is gone needs no answer
	return nil
}

// pause waits, and says whether the client is still there.
func (c *call) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.r.Context().Done():
		return false
	}
}
