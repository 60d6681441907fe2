package main

import (
	"context"
	"strconv"
	"time"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// SignGet signs a GET whose Range and If-Match are free.
func (b *bucket) SignGet(ctx context.Context, request driver.GetRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignGet", request.Key, &err)
	plain := unsigned{method: "GET", query: versioned(request.VersionID), length: -1}
	return b.exchange(ctx, plain, request.Key, request.Now, getLife, getReply)
}

// SignPut signs the PUT of a whole object. Its length is signed as well: COS stores
// what Content-Length says and answers 200 even when the body was longer.
func (b *bucket) SignPut(ctx context.Context, request driver.PutRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignPut", request.Key, &err)
	header, err := b.mayWrite(request.Key, request.Attributes)
	if err != nil {
		return driver.Exchange{}, err
	}
	plain := unsigned{method: "PUT", header: header, length: request.Size}
	return b.exchange(ctx, plain, request.Key, request.Now, putLife, putReply)
}

// SignPart signs the PUT of one part.
func (b *bucket) SignPart(ctx context.Context, request driver.PartRequest) (exchange driver.Exchange, err error) {
	defer b.blame("SignPart", request.Upload.Key, &err)
	plain := unsigned{method: "PUT", query: partQuery(request.Upload, request.Number), length: request.Size}
	return b.exchange(ctx, plain, request.Upload.Key, request.Now, putLife, putReply)
}

func (b *bucket) exchange(
	ctx context.Context, plain unsigned, key string, observed time.Time, life time.Duration, reply *driver.Reply,
) (driver.Exchange, error) {
	keys, err := b.keys(ctx)
	if err != nil {
		return driver.Exchange{}, err
	}
	if plain.path, err = b.path(key); err != nil {
		return driver.Exchange{}, err
	}
	plain.host = b.place.host
	at, life := b.clock.At(observed), control.Life(keys, life)
	return driver.Exchange{
		Method: plain.method, URL: plain.url(b.place.scheme), Header: plain.sign(keys, at, life),
		Expires: at.Add(life - min(expiryMargin, life/2)), Reply: reply,
	}, nil
}

// mayWrite refuses a key that COS refuses and returns the headers of the attributes
// and of the location's wishes.
func (b *bucket) mayWrite(key string, given driver.Attributes) ([]driver.Header, error) {
	problem := b.session.KeyRules.Violation(key)
	if problem == "" && key[0] == '\\' { // which KeyRules cannot say
		problem = `the key begins with "\"`
	}
	if problem != "" {
		return nil, control.Invalid("COS cannot hold the key: %s", problem)
	}
	header, err := attributes.Headers(given)
	if err == nil && given.StorageClass != "" {
		header = append(header, driver.Header{Name: "x-cos-storage-class", Value: given.StorageClass})
	}
	if err == nil && len(given.Tags) > 0 {
		var text []byte
		for _, tag := range given.Tags {
			text = control.AppendQuery(append(text, '&'), tag.Key)
			text = control.AppendQuery(append(text, '='), tag.Value)
		}
		header = append(header, driver.Header{Name: "x-cos-tagging", Value: string(text[1:])})
	}
	return append(header, b.wishes...), err
}

// versioned returns the query that names a version.
func versioned(id string) []driver.Header {
	if id == "" {
		return nil
	}
	return []driver.Header{{Name: "versionId", Value: id}}
}

func partQuery(upload driver.UploadRef, number int) []driver.Header {
	return []driver.Header{{Name: "partNumber", Value: strconv.Itoa(number)}, {Name: "uploadId", Value: upload.ID}}
}
