package drivertest

import (
	"errors"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

func failureCases() []testCase {
	return []testCase{
		{name: "absent-object", proves: "an absent object is KindNotFound, with the store's request id", run: absentObject},
		{name: "absent-bucket", proves: "an absent bucket is KindNotFound, never an empty one",
			given: func(h Harness) bool { return h.Absent != nil }, run: absentBucket},
		{name: "denied-bucket", proves: "a denied bucket is KindDenied, never empty nor absent",
			given: func(h Harness) bool { return h.Denied != nil }, run: deniedBucket},
		{name: "unreachable", proves: "an endpoint that refuses connections is KindUnavailable",
			given: func(h Harness) bool { return h.Unreachable != nil }, run: unreachable},
	}
}

// open opens another bucket of the harness. The caller closes it.
func (k *check) open(request *driver.OpenRequest) driver.Bucket {
	bucket, err := k.harness.Driver.Open(k.ctx, *request)
	k.must(err, "open bucket %q: Open makes no request, so it must not fail for what the store would say", request.Bucket)
	return bucket
}

func absentObject(k *check) {
	key := k.key("nothing")
	_, statErr := k.bucket.Stat(k.ctx, driver.StatRequest{Key: key})
	_, getErr := k.tryGet(key, Send{})
	for doing, err := range map[string]error{"stat of an absent object": statErr, "get of an absent object": getErr} {
		k.wantKind(err, doing, driver.KindNotFound)
		k.wantWellFormed(doing, err)
		var failure *driver.Error
		if errors.As(err, &failure) && failure.Code != "" && failure.Code != "NoSuchKey" && failure.Code != "NotFound" {
			k.errorf("%s has code %q, want NoSuchKey: an absent bucket must be told apart", doing, failure.Code)
		}
	}
	k.wantNamed(key, getErr)
	var failure *driver.Error
	if errors.As(statErr, &failure) && failure.Code != "NoSuchKey" {
		k.errorf("stat of an absent object has code %q, want NoSuchKey: any 404 would be taken for an absent key", failure.Code)
	}
	if errors.As(statErr, &failure) && (failure.Op != "Stat" || failure.Key != key) {
		k.errorf("stat of an absent object blames %s %q", failure.Op, failure.Key)
	}
}

// wantNamed checks that a rule names how the store refuses an absent key, by its code or
// text: a 404 alone is also that of a proxy, and hosts do not believe it.
func (k *check) wantNamed(key string, refused error) {
	exchange, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign")
	var failure *driver.Error
	if !errors.As(refused, &failure) {
		return
	}
	for _, rule := range exchange.Reply.Error.Rules {
		matches := (rule.Status == 0 || rule.Status == failure.Status) && (rule.Code == "" || rule.Code == failure.Code) && strings.Contains(failure.Message, rule.Message)
		if matches && rule.Code+rule.Message != "" {
			return
		}
		if matches {
			break // the first one wins
		}
	}
	k.errorf("no error rule names how an absent key is refused (HTTP %d, code %q, %q): any 404 would be taken for it", failure.Status, failure.Code, failure.Message)
}

// wantWellFormed checks the error of a request that the store answered.
func (k *check) wantWellFormed(doing string, err error) {
	var failure *driver.Error
	if !errors.As(err, &failure) {
		k.errorf("%s failed with %T, want a *driver.Error: %v", doing, err, err)
		return
	}
	if failure.Op == "" {
		k.errorf("%s failed without Op: %v", doing, err)
	}
	if failure.RequestID == "" {
		k.errorf("%s failed without the store's request id: %v", doing, err)
	}
	if text := strings.ToLower(failure.Error()); strings.Contains(text, "signature=") || strings.Contains(text, "token=") {
		k.errorf("the error of %s carries a signature", doing)
	}
}

func absentBucket(k *check) {
	bucket := k.open(k.harness.Absent)
	defer func() { k.must(bucket.Close(), "close") }()
	k.wantRefused(bucket, driver.KindNotFound)
}

func deniedBucket(k *check) {
	bucket := k.open(k.harness.Denied)
	defer func() { k.must(bucket.Close(), "close") }()
	// Keys that may have been rotated, as those of a file, are resolved again after the
	// first refusal, which may be KindExpired: sign again.
	_, _ = bucket.List(k.ctx, driver.ListRequest{MaxKeys: 1})
	k.wantRefused(bucket, driver.KindDenied)
}

// wantRefused checks that everything that reads or creates fails with the kind.
func (k *check) wantRefused(bucket driver.Bucket, kind driver.Kind) {
	key := k.key("object")
	for name, call := range bucketCalls(bucket, key) {
		switch name {
		case "List", "Stat", "CreateUpload", "ListUploads":
			err := call(k.ctx)
			k.wantKind(err, name, kind)
			k.wantWellFormed(name, err)
		}
	}
	// Signing fails by itself where the driver must ask the store for the bucket's place.
	get, err := bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	if err == nil {
		_, err = k.executor.Do(k.ctx, get, Send{})
	}
	k.wantKind(err, "get", kind)
	k.wantWellFormed("get", err)
	body := []byte("body")
	put, err := bucket.SignPut(k.ctx, k.putRequest(key, body, driver.Attributes{}))
	if err == nil {
		_, err = k.executor.Do(k.ctx, put, Send{Body: body})
	}
	k.wantKind(err, "put", kind)
	k.wantWellFormed("put", err)
}

func unreachable(k *check) {
	bucket := k.open(k.harness.Unreachable)
	defer func() { k.must(bucket.Close(), "close") }()
	for name, call := range bucketCalls(bucket, k.key("object")) {
		k.wantKind(call(k.ctx), name, driver.KindUnavailable)
	}
}
