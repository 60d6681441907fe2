package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// entity is what rs and rsf tell of an object. Sources:
// https://developer.qiniu.com/kodo/1308/stat, https://developer.qiniu.com/kodo/1284/list.
type entity struct {
	Key           string `json:"key"`
	Hash          string `json:"hash"`
	Size          int64  `json:"fsize"`
	PutTime       int64  `json:"putTime"` // in 100 ns since 1970
	Type          int    `json:"type"`
	Status        int    `json:"status"` // 1: disabled
	EndUser       string `json:"endUser"`
	RestoreStatus int    `json:"restoreStatus"` // 1: being restored, 2: readable
}

func (e entity) object(key string) driver.Object {
	return driver.Object{
		Key: key, Size: e.Size, ETag: e.Hash, Modified: time.Unix(0, e.PutTime*100).UTC(),
		StorageClass: className(e.Type), Checksums: checksums(e.Hash),
	}
}

// told is the key that an answer names, nil for none.
func (e entity) told() *string {
	if e.Key == "" {
		return nil
	}
	return &e.Key
}

// readable says whether the object's bytes can be read now.
func (e entity) readable() bool { return !archived(e.Type) || e.RestoreStatus == 2 }

// composite begins the hash of an object that was made of parts which are no blocks.
const composite = 0x9e

// checksums reads a hash of Kodo, which is a qetag.
func checksums(hash string) []driver.Checksum {
	value, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(hash, "="))
	if err != nil || len(value) == 0 {
		return nil
	}
	return []driver.Checksum{{Algorithm: driver.AlgorithmQETag, Value: string(value), Composite: value[0] == composite}}
}

// List returns one page. Only an empty marker ends a listing: a page may be short, or
// empty, before. Source: https://developer.qiniu.com/kodo/1284/list.
func (b *bucket) List(ctx context.Context, request driver.ListRequest) (page driver.ListPage, err error) {
	defer b.blame("List", "", &err)
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return driver.ListPage{}, err
	}
	answer, err := b.manage(ctx, listing(at, b.name, request), keys)
	if err != nil {
		return driver.ListPage{}, err
	}
	var listed struct {
		Marker string   `json:"marker"`
		Groups []string `json:"commonPrefixes"`
		Items  []*struct {
			entity
			Size *int64 `json:"fsize"` // to tell none from 0
		} `json:"items"`
	}
	err = json.Unmarshal(answer.Body, &listed)
	if err == nil && listed.Items == nil { // at the end the document has an empty one
		err = control.Mismatch("it has no list of items")
	}
	if err == nil && len(listed.Groups) > 0 { // it repeats nothing else of what it was asked for
		err = control.Mismatch("it groups keys by a delimiter, and none was asked for")
	}
	if err != nil {
		return driver.ListPage{}, dialect.Foreign("a listing", answer, err)
	}
	page.Next, page.Objects = listed.Marker, make([]driver.Object, len(listed.Items))
	for i, item := range listed.Items {
		if item == nil || item.Key == "" || item.Hash == "" || item.Size == nil {
			return driver.ListPage{}, dialect.Foreign("a listing", answer, control.Mismatch("an entry has no key, no hash or no size"))
		}
		item.entity.Size = *item.Size
		page.Objects[i] = item.object(item.Key)
		page.Objects[i].Checksums = nil // the ETag says the same
	}
	return page, nil
}

func listing(at *place, bucket string, request driver.ListRequest) call {
	query := control.AppendQuery([]byte(at.rsf+"/list?bucket="), bucket)
	for name, value := range map[string]string{"prefix": request.Prefix, "marker": request.Token} {
		if value != "" {
			query = control.AppendQuery(append(append(append(query, '&'), name...), '='), value)
		}
	}
	if request.MaxKeys > 0 {
		query = strconv.AppendInt(append(query, "&limit="...), int64(min(request.MaxKeys, 1000)), 10)
	}
	return call{method: http.MethodGet, url: string(query)}
}

// entity asks rs for an object.
func (b *bucket) entity(ctx context.Context, key string) (found entity, err error) {
	answer, err := b.object(ctx, "/stat/", key, "")
	var failure *driver.Error
	switch {
	case errors.As(err, &failure) && failure.Status == 612 && failure.Code == "" && failure.Kind == driver.KindNotFound:
		failure.Code = "NoSuchKey"
		return entity{}, failure
	case err != nil:
		return entity{}, err
	}
	if err := json.Unmarshal(answer.Body, &found); err != nil || found.Hash == "" {
		return entity{}, dialect.Foreign("an object's facts", answer, err)
	}
	return found, nil
}

// everybodys is the Cache-Control of downloads whose object has none.
const everybodys = "public, max-age=31536000"

// Stat asks rs for facts and, by HEAD, the download domain for attributes, of which rs
// knows only some. An object that must be restored first, or is disabled, has none to
// show.
func (b *bucket) Stat(ctx context.Context, request driver.StatRequest) (object driver.Object, err error) {
	defer b.blame("Stat", request.Key, &err)
	if request.VersionID != "" {
		return driver.Object{}, errVersion
	}
	found, err := b.entity(ctx, request.Key)
	if err != nil {
		return driver.Object{}, err
	}
	object = found.object(request.Key)
	defer func() {
		if found.EndUser != "" {
			object.Attributes.NotCarried = append(object.Attributes.NotCarried, endUser+": "+found.EndUser)
		}
	}()
	if !found.readable() || found.Status == 1 {
		return object, nil
	}
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return driver.Object{}, err
	}
	answer, err := b.send(ctx, call{method: http.MethodHead, url: download(at, keys, request.Key, b.clock.Now().Add(getLife))}, "")
	if err != nil {
		return driver.Object{}, err
	}
	shown := attributes.Object(request.Key, answer.Header)
	if shown.ETag != found.Hash {
		return driver.Object{}, &driver.Error{Kind: driver.KindUnavailable, Message: "the object was replaced while it was looked at: ask again"}
	}
	if object.Attributes = shown.Attributes; object.Attributes.CacheControl == everybodys {
		object.Attributes.CacheControl = ""
	}
	return object, nil
}

// Delete removes the object. Source: https://developer.qiniu.com/kodo/1257/delete.
func (b *bucket) Delete(ctx context.Context, request driver.DeleteRequest) (err error) {
	defer b.blame("Delete", request.Key, &err)
	_, err = b.object(ctx, "/delete/", request.Key, "")
	return unless(612, err)
}

// maxRestore is how many days Kodo keeps a restored object readable at most.
const maxRestore = 7

// Restore asks for an archived object to be readable. Source:
// https://developer.qiniu.com/kodo/6380/restore-archive.
func (b *bucket) Restore(ctx context.Context, request driver.RestoreRequest) (readable bool, err error) {
	defer b.blame("Restore", request.Key, &err)
	if request.Days > maxRestore {
		return false, control.Invalid("Kodo keeps a restored object readable for %d days at most, not for %d", maxRestore, request.Days)
	}
	found, err := b.entity(ctx, request.Key)
	if err != nil || found.readable() || found.RestoreStatus == 1 {
		return err == nil && found.readable(), err
	}
	_, err = b.object(ctx, "/restoreAr/", request.Key, "/freezeAfterDays/"+strconv.Itoa(request.Days))
	return false, err
}
