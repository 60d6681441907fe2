package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// check is one running case: what it needs, and what failed.
type check struct {
	*suite
	ctx    context.Context
	prefix string // begins every key of the case

	mu       sync.Mutex
	failures []string
	declined bool                      // found that the store does not claim what the case proves
	keys     map[string]bool           // written, to be deleted
	uploads  map[driver.UploadRef]bool // begun, to be aborted
}

// errorf records a failure and goes on.
func (k *check) errorf(format string, values ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failures = append(k.failures, fmt.Sprintf(format, values...))
}

// fatalf records a failure and ends the case. Only the case's own goroutine may
// call it.
func (k *check) fatalf(format string, values ...any) {
	k.errorf(format, values...)
	runtime.Goexit()
}

// notDeclared ends the case: the store does not claim what it proves, which
// showed only on the way.
func (k *check) notDeclared() {
	k.mu.Lock()
	k.declined = true
	k.mu.Unlock()
	runtime.Goexit()
}

// must ends the case when err is not nil.
func (k *check) must(err error, doing string, values ...any) {
	if err != nil {
		k.fatalf("%s: %v", fmt.Sprintf(doing, values...), err)
	}
}

// wantKind records a failure unless err is of one of the kinds.
func (k *check) wantKind(err error, doing string, kinds ...driver.Kind) {
	if err == nil {
		k.errorf("%s succeeded, want it to fail with kind %v", doing, kinds)
		return
	}
	for _, kind := range kinds {
		if driver.KindOf(err) == kind {
			return
		}
	}
	k.errorf("%s failed with kind %q, want %v: %v", doing, driver.KindOf(err), kinds, err)
}

func (k *check) key(name string) string { return k.prefix + name }

func (k *check) wrote(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]bool{}
	}
	k.keys[key] = true
}

// cleanUp removes what the case wrote, even when its time is over.
func (k *check) cleanUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), time.Minute)
	defer cancel()
	if uploader, can := driver.As[driver.Uploader](k.bucket, driver.CapabilityUploader); can {
		for ref := range k.uploads {
			if err := uploader.AbortUpload(ctx, ref); err != nil {
				k.errorf("clean up: %v", err)
			}
		}
	}
	for key := range k.keys {
		if err := k.bucket.Delete(ctx, driver.DeleteRequest{Key: key}); err != nil {
			k.errorf("clean up: %v", err)
		}
	}
}

// data returns n bytes that are the same for the same key and differ between
// keys.
func data(key string, n int) []byte {
	var seed [32]byte
	for i := range len(key) {
		seed[i%32] = seed[i%32]*31 + key[i] + byte(i)
	}
	body := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(body) // never fails
	return body
}

// putRequest is what a host asks for before it sends the body.
func (k *check) putRequest(key string, body []byte, attributes driver.Attributes) driver.PutRequest {
	request := driver.PutRequest{Key: key, Size: int64(len(body)), Attributes: attributes}
	if stored := k.session.Checksums.Stored; k.session.Checksums.BodyFirst && len(stored) > 0 {
		request.Checksum, _ = sum(stored[0], body) // zero where we cannot compute it, as for any host
	}
	return request
}

// tryPut stores an object and returns the store's answer.
func (k *check) tryPut(key string, body []byte, attributes driver.Attributes) (Answer, error) {
	exchange, err := k.bucket.SignPut(k.ctx, k.putRequest(key, body, attributes))
	if err != nil {
		return Answer{}, err
	}
	k.wrote(key)
	return k.executor.Do(k.ctx, exchange, Send{Body: body})
}

// put stores an object and checks the store's evidence.
func (k *check) put(key string, body []byte, attributes driver.Attributes) Answer {
	answer, err := k.tryPut(key, body, attributes)
	k.must(err, "put %q", key)
	k.checkEvidence("put", key, answer.ETag, answer.Checksums, body)
	return answer
}

// tryGet downloads an object, or one range where send says so.
func (k *check) tryGet(key string, send Send) (Answer, error) {
	exchange, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	if err != nil {
		return Answer{}, err
	}
	return k.executor.Do(k.ctx, exchange, send)
}

// wantObject downloads an object and compares every byte.
func (k *check) wantObject(key string, want []byte) Answer {
	answer, err := k.tryGet(key, Send{})
	if err != nil {
		k.errorf("get %q: %v", key, err)
		return Answer{}
	}
	if !bytes.Equal(answer.Body, want) {
		k.errorf("get %q returned %d bytes that are not the %d bytes that were stored", key, len(answer.Body), len(want))
	}
	return answer
}

func (k *check) stat(key string) driver.Object {
	object, err := k.bucket.Stat(k.ctx, driver.StatRequest{Key: key})
	k.must(err, "stat %q", key)
	return object
}

// wantAbsent checks that the key holds no object.
func (k *check) wantAbsent(key string) {
	_, err := k.bucket.Stat(k.ctx, driver.StatRequest{Key: key})
	k.wantKind(err, fmt.Sprintf("stat of absent %q", key), driver.KindNotFound)
}

// list returns all pages of a listing.
func (k *check) list(request driver.ListRequest) []driver.Object {
	var all []driver.Object
	for page := 0; ; page++ {
		if page > 10_000 {
			k.fatalf("listing %q does not end: page %d still has a next token", request.Prefix, page)
		}
		got, err := k.bucket.List(k.ctx, request)
		k.must(err, "list %q", request.Prefix)
		if request.MaxKeys > 0 && len(got.Objects) > request.MaxKeys {
			k.errorf("a page of at most %d keys has %d", request.MaxKeys, len(got.Objects))
		}
		all = append(all, got.Objects...)
		if got.Next == "" {
			return all
		}
		request.Token = got.Next
	}
}

// keysOf returns the keys of a listing, in its order.
func keysOf(objects []driver.Object) []string {
	keys := []string{}
	for _, object := range objects {
		keys = append(keys, object.Key)
	}
	return keys
}
