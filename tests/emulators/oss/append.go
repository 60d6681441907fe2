package main

import (
	"io"
	"net/http"
	"strconv"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
)

// appendObject is https://help.aliyun.com/en/oss/developer-reference/appendobject.
// Each time it stores the whole object anew: it is there for short ones.
func (c *call) appendObject() error {
	position, err := strconv.ParseInt(c.query.Get("position"), 10, 64)
	if err != nil || position < 0 {
		return invalid("The position must be a number from 0.")
	}
	o, err := describe(c.key, c.r.Header)
	if err != nil {
		return err
	}
	o.Header.Set(appendable, "true")
	added, err := c.receive()
	if err != nil {
		return err
	}
	defer c.store.Discard(added)
	tail, err := c.store.Open(added)
	if err != nil {
		return err
	}
	defer tail.Close()
	old, head, exists := c.store.Read(c.key)
	body, length := io.Reader(tail), int64(0)
	if exists {
		defer head.Close()
		o.Header, o.Tags, o.Class = old.Header, old.Tags, old.Class
		body, length = io.MultiReader(head, tail), old.Blob.Size
	}
	if err := c.fits(old, position, length); err != nil {
		return err
	}
	blob, err := c.store.Receive(body)
	if err != nil {
		return err
	}
	defer c.store.Discard(blob)
	o.Blob, o.ETag, o.Modified = blob, quoted(blob.MD5), c.now
	err = c.store.Put(o, func(now *bucket.Object) error {
		if now != old { // somebody else was faster
			return c.fits(nil, position, length+1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.tellStored(&o)
	c.w.Header().Del("Content-MD5")
	c.w.Header().Set("x-oss-next-append-position", itoa(blob.Size))
	return c.sendEmpty(http.StatusOK)
}

// fits refuses to append but at the end of an object that was begun by appending.
func (c *call) fits(old *bucket.Object, position, length int64) error {
	if old != nil && old.Header.Get(appendable) == "" {
		return &refusal{status: http.StatusConflict, code: "ObjectNotAppendable", message: "The object is not appendable"}
	}
	if position != length {
		c.w.Header().Set("x-oss-next-append-position", itoa(length))
		return &refusal{status: http.StatusConflict, code: "PositionNotEqualToLength", message: "Position is not equal to file length"}
	}
	return nil
}
