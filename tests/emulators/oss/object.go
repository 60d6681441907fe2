package main

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// maxBody is the longest body of one request, in bytes.
const maxBody = 5 << 30

// receive takes the request's body and checks its Content-MD5.
func (c *call) receive() (*bucket.Blob, error) {
	switch {
	case len(c.r.TransferEncoding) == 0 && c.r.Header.Get("Content-Length") == "":
		return nil, &refusal{status: http.StatusLengthRequired, code: "MissingContentLength", message: "You must provide the Content-Length HTTP header."}
	case c.r.ContentLength > maxBody:
		return nil, badRequest("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
	}
	blob, err := c.store.Receive(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if err != nil {
		return nil, incomplete(err)
	}
	if err := checkMD5(c.r.Header, blob.MD5); err != nil {
		c.store.Discard(blob)
		return nil, err
	}
	return blob, nil
}

func incomplete(err error) error {
	return badRequest("RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period: "+err.Error())
}

func quoted(sum []byte) string { return `"` + strings.ToUpper(hex.EncodeToString(sum)) + `"` }

// newcomer refuses to replace an object when the request forbids it.
func newcomer(h http.Header) func(old *bucket.Object) error {
	return func(old *bucket.Object) error {
		if old != nil && strings.EqualFold(h.Get(overwriteBan), "true") {
			return &refusal{
				status: http.StatusConflict, code: "FileAlreadyExists", ec: "0026-00000002", details: [][2]string{{"Key", old.Key}},
				message: "The object you specified already exists and can not be overwritten.",
			}
		}
		return nil
	}
}

// putObject is https://help.aliyun.com/en/oss/developer-reference/putobject.
func (c *call) putObject() error {
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	callback, err := c.callback()
	if err != nil {
		return err
	}
	blob, err := c.receive()
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	o.Blob, o.ETag, o.Modified, o.NoCRC64 = blob, quoted(blob.MD5), c.now, c.injected("no-crc64")
	if err := c.store.Put(o, newcomer(c.r.Header)); err != nil {
		return err
	}
	c.tellStored(&o)
	if callback != nil {
		return c.callBack(callback, &o)
	}
	return c.sendEmpty(http.StatusOK)
}

// tellStored sets the headers that every write of an object is answered with.
func (c *call) tellStored(o *bucket.Object) {
	h := c.w.Header()
	h["ETag"] = []string{o.ETag}
	if !o.NoCRC64 {
		h.Set("x-oss-hash-crc64ecma", strconv.FormatUint(o.Blob.CRC64, 10))
	}
	if o.Blob.MD5 != nil {
		h.Set("Content-MD5", base64.StdEncoding.EncodeToString(o.Blob.MD5))
	}
	if method := o.Header.Get(encryption); method != "" {
		h.Set(encryption, method)
	}
	h.Set("x-oss-server-time", itoa(c.desk.Now().Sub(c.now).Milliseconds()))
}

// headObject is https://help.aliyun.com/en/oss/developer-reference/headobject.
func (c *call) headObject() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	if err := preconditions(c.r.Header, "", o); err != nil {
		return err
	}
	c.tellObject(o)
	c.w.Header().Set("Content-Length", itoa(o.Blob.Size))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// getObjectMeta is https://help.aliyun.com/en/oss/developer-reference/getobjectmeta.
func (c *call) getObjectMeta() error {
	o, ok := c.store.Get(c.key)
	if !ok {
		return bucket.ErrNoObject
	}
	c.tellStored(o)
	h := c.w.Header()
	h.Del("Content-MD5")
	h.Del(encryption)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	h.Set("Content-Length", itoa(o.Blob.Size))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// appendable marks, among an object's headers, one that can be appended to.
const appendable = "Emulator-Appendable"

func objectType(o *bucket.Object) string {
	switch {
	case o.Header.Get(appendable) != "":
		return "Appendable"
	case o.Parts != nil:
		return "Multipart"
	default:
		return "Normal"
	}
}

// tellObject sets the headers that describe an object.
func (c *call) tellObject(o *bucket.Object) {
	h := c.w.Header()
	for name, values := range o.Header {
		if name != aclHeader && name != appendable {
			h[name] = slices.Clone(values)
		}
	}
	c.tellStored(o)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	h.Set("x-oss-object-type", objectType(o))
	h.Set("x-oss-storage-class", o.Class)
	h.Set("Accept-Ranges", "bytes")
	if len(o.Tags) > 0 {
		h.Set("x-oss-tagging-count", itoa(len(o.Tags)))
	}
	if o.Header.Get(appendable) != "" {
		h.Set("x-oss-next-append-position", itoa(o.Blob.Size))
	}
	if restored := restoreState(o, c.now); restored != "" {
		h.Set("x-oss-restore", restored)
	}
}
