package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qiniu/go-sdk/v7/auth"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

const (
	// getLife is how long a download address is good: long enough for every range of a
	// large object, short for whoever finds it in a memory dump.
	getLife = time.Hour
	// putLife is how long an upload token is good, beside the time that the body takes
	// at slowest bytes a second: Kodo looks at the deadline when the body has come.
	putLife = 10 * time.Minute
	slowest = 256 << 10
	// expiryMargin is how long before its end an exchange is no longer used.
	expiryMargin = 30 * time.Second
)

// policy is what an upload token allows. Source: https://developer.qiniu.com/kodo/1206/put-policy.
type policy struct {
	Scope      string `json:"scope"`
	Deadline   int64  `json:"deadline"` // Unix seconds
	FsizeMin   int64  `json:"fsizeMin,omitempty"`
	FsizeLimit int64  `json:"fsizeLimit,omitempty"` // 0 is no limit
	DetectMime int    `json:"detectMime"`           // -1: the type is what the client says
	FileType   int    `json:"fileType,omitempty"`
}

// token returns an upload token for one key and one size, which is negative where it
// is not known yet. An empty object is bound to at most one byte, for a limit of 0
// would be none.
func (b *bucket) token(keys credentials.Keys, key string, size int64, class string, until time.Time) string {
	allowed := policy{Scope: b.name + ":" + key, Deadline: until.Unix(), DetectMime: -1}
	allowed.FileType = max(0, slices.IndexFunc(classes, func(c driver.StorageClass) bool { return c.Name == class }))
	if size >= 0 {
		allowed.FsizeMin, allowed.FsizeLimit = size, max(size, 1)
	}
	document, _ := json.Marshal(allowed) // always has a text
	return auth.New(keys.AccessKeyID, keys.SecretAccessKey).SignWithData(document)
}

// download returns the signed address of an object. Whatever the key looks like, the
// address is signed: the SDK's own signer leaves alone what seems to have a token.
// Source: https://developer.qiniu.com/kodo/manual/1202.
func download(at *place, keys credentials.Keys, key string, until time.Time) string {
	address := control.AppendPath(append([]byte(at.download), '/'), key)
	address = strconv.AppendInt(append(address, "?e="...), until.Unix(), 10)
	token := auth.New(keys.AccessKeyID, keys.SecretAccessKey).Sign(address)
	return string(append(append(address, "&token="...), token...))
}

// SignGet signs a GET; its headers are free.
func (b *bucket) SignGet(ctx context.Context, request driver.GetRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignGet", request.Key, &err)
	at, keys, err := b.prepare(ctx)
	switch {
	case err != nil:
		return driver.Exchange{}, err
	case request.Key == "":
		return driver.Exchange{}, errNoKey
	case request.VersionID != "":
		return driver.Exchange{}, errVersion
	}
	until := b.clock.At(request.Now).Add(getLife)
	return driver.Exchange{
		Method: "GET", URL: download(at, keys, request.Key, until), Expires: until.Add(-expiryMargin), Reply: getReply,
	}, nil
}

var errVersion = &driver.Error{Kind: driver.KindUnsupported, Message: "Kodo keeps no versions of objects by its own protocol"}

// SignPut signs the upload of a whole object by a form. Source:
// https://developer.qiniu.com/kodo/api/upload.
func (b *bucket) SignPut(ctx context.Context, request driver.PutRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignPut", request.Key, &err)
	fields, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Exchange{}, err
	}
	if request.Size > maxForm {
		return driver.Exchange{}, control.Invalid("objects of more than %d bytes are uploaded in parts, this one has %d", maxForm, request.Size)
	}
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return driver.Exchange{}, err
	}
	until := b.clock.At(request.Now).Add(lifeOf(request.Size))
	token := b.token(keys, request.Key, request.Size, request.Attributes.StorageClass, until)
	boundary := newBoundary()
	return driver.Exchange{
		Method: "POST", URL: at.up + "/", Expires: until.Add(-expiryMargin), Reply: putReply,
		Header: []driver.Header{{Name: "content-type", Value: "multipart/form-data; boundary=" + boundary}},
		Body:   form(boundary, append([]driver.Header{{Name: "token", Value: token}, {Name: "key", Value: request.Key}}, fields...)),
	}, nil
}

func lifeOf(size int64) time.Duration { return putLife + time.Duration(size/slowest)*time.Second }

// newBoundary returns what no body contains but by a chance of 1 in 2^128.
func newBoundary() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

// form lays the fields before the object's bytes. The field mimeType is the type of the
// file itself.
func form(boundary string, fields []driver.Header) driver.Framing {
	kind := "application/octet-stream"
	prefix := make([]byte, 0, 2<<10)
	for _, field := range fields {
		if field.Name == mimeField {
			kind = field.Value
			continue
		}
		prefix = append(append(append(prefix, "--"...), boundary...), "\r\nContent-Disposition: form-data; name=\""...)
		prefix = append(append(append(append(prefix, field.Name...), "\"\r\n\r\n"...), field.Value...), "\r\n"...)
	}
	prefix = append(append(append(prefix, "--"...), boundary...), "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"object\"\r\nContent-Type: "...)
	prefix = append(append(prefix, kind...), "\r\n\r\n"...)
	return driver.Framing{Kind: driver.FramingForm, Prefix: prefix, Suffix: []byte("\r\n--" + boundary + "--\r\n")}
}

// SignPart signs the PUT of one part. The token would be good for any part of this key's
// uploads, and for completing one, but for no more bytes than the part has.
func (b *bucket) SignPart(ctx context.Context, request driver.PartRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignPart", request.Upload.Key, &err)
	at, keys, err := b.prepare(ctx)
	if err != nil {
		return driver.Exchange{}, err
	}
	until := b.clock.At(request.Now).Add(lifeOf(request.Size))
	token := b.token(keys, request.Upload.Key, request.Size, "", until)
	return driver.Exchange{
		Method: "PUT", URL: b.uploads(at, request.Upload) + "/" + strconv.Itoa(request.Number), Expires: until.Add(-expiryMargin), Reply: partReply,
		Header: []driver.Header{{Name: "authorization", Value: "UpToken " + token}},
	}, nil
}

// uploads returns the address of a key's uploads, or of one of them.
func (b *bucket) uploads(at *place, upload driver.UploadRef) string {
	address := at.up + "/buckets/" + b.name + "/objects/" + base64.URLEncoding.EncodeToString([]byte(upload.Key)) + "/uploads"
	if upload.ID != "" {
		address += "/" + string(control.AppendQuery(nil, upload.ID))
	}
	return address
}

// The names that uploads have for content headers. Sources:
// https://developer.qiniu.com/kodo/api/upload, https://developer.qiniu.com/kodo/6368.
const mimeField = "mimeType"

var contentFields = map[string]string{
	"content-type": mimeField, "cache-control": "cacheControl", "content-language": "contentLanguage",
	"content-encoding": "contentEncoding", "content-disposition": "contentDisposition", "expires": "expires",
}

// mayWrite refuses what Kodo refuses and returns the attributes as fields of an upload.
func (b *bucket) mayWrite(key string, given driver.Attributes) ([]driver.Header, error) {
	if problem := b.session.KeyRules.Violation(key); problem != "" {
		return nil, control.Invalid("Kodo cannot hold the key: %s", problem)
	}
	if _, known := b.session.Class(given.StorageClass); !known && given.StorageClass != "" {
		return nil, control.Invalid("Kodo has no storage class %q", given.StorageClass)
	}
	if size := given.MetadataSize(); size > maxMetadata {
		return nil, control.Invalid("the metadata has %d bytes, Kodo takes %d", size, maxMetadata)
	}
	if len(given.Tags) > 0 {
		return nil, control.Invalid("Kodo keeps no tags")
	}
	fields, err := attributes.Headers(given)
	for i, field := range fields {
		if !strings.HasPrefix(field.Name, metadataPrefix) {
			fields[i].Name = contentFields[field.Name]
		}
	}
	return fields, err
}
