package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// appendable marks an object that AppendObject made.
const appendable = "X-Cos-Object-Type"

// appendObject is https://www.tencentcloud.com/document/product/436/7741. The
// bytes so far are stored anew: it is not meant for long objects.
func (c *call) appendObject() error {
	if !c.query.Has("position") {
		return invalid("position is missing.")
	}
	position, err := strconv.ParseInt(c.query.Get("position"), 10, 64)
	if err != nil {
		return invalid("position must be a number.")
	}
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	if err := c.checkLength(false); err != nil {
		return err
	}
	var head io.Reader = bytes.NewReader(nil)
	old, before, ok := c.store.Read(c.key)
	if ok {
		defer before.Close()
		if old.Header.Get(appendable) == "" {
			return &refusal{http.StatusConflict, "ObjectNotAppendable", "The operation is not valid for the current state of the object."}
		}
		head, o.Header, o.Tags, o.Class = before, old.Header, old.Tags, old.Class
	}
	if ok && position != old.Blob.Size || !ok && position != 0 {
		return &refusal{http.StatusConflict, "AppendPositionErr", "The position is not the object's length."}
	}
	added := md5.New()
	if o.Blob, err = c.store.Receive(io.MultiReader(head, io.TeeReader(c.r.Body, added))); err != nil {
		return incomplete(err)
	}
	defer c.store.Discard(o.Blob)
	if err := checkMD5(c.r.Header, added.Sum(nil)); err != nil {
		return err
	}
	o.Header.Set(appendable, "appendable")
	o.ETag, o.Modified = quoted(o.Blob.MD5), c.desk.Now()
	err = c.store.Put(o, func(now *bucket.Object) error {
		if ok != (now != nil) || ok && now.Blob != old.Blob {
			return &refusal{http.StatusConflict, "AppendPositionErr", "The object changed meanwhile."}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.tellStored(&o)
	c.w.Header().Set("x-cos-content-sha1", hex.EncodeToString(added.Sum(nil))) // so named, but the vendor's client compares the MD5
	c.w.Header().Set("x-cos-next-append-position", itoa(o.Blob.Size))
	return c.sendEmpty(http.StatusOK)
}
