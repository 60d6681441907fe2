package drivertest

import (
	"context"
	"sync"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

func contextCases() []testCase {
	return []testCase{
		{name: "context-ended", proves: "a call with an ended context does nothing", run: contextEnded},
		{name: "context-ends", proves: "a call that waits for the store returns when its context ends",
			given: func(h Harness) bool { return h.Silent != nil }, run: contextEnds},
	}
}

func contextEnded(k *check) {
	key := k.key("object")
	body := data(key, 10)
	k.put(key, body, driver.Attributes{})
	ended, cancel := context.WithCancel(k.ctx)
	cancel()
	for name, call := range bucketCalls(k.bucket, key) {
		if call(ended) == nil {
			k.errorf("%s succeeds although its context has ended", name)
		}
	}
	k.wantObject(key, body)
}

func contextEnds(k *check) {
	const patience, grace = 300 * time.Millisecond, 5 * time.Second
	bucket := k.open(k.harness.Silent)
	defer func() { k.must(bucket.Close(), "close") }()
	var calls sync.WaitGroup
	for name, call := range bucketCalls(bucket, k.key("object")) {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(k.ctx, patience)
			defer cancel()
			returned := make(chan error, 1)
			go func() { returned <- call(ctx) }()
			select {
			case err := <-returned:
				if err == nil {
					k.errorf("%s succeeds although the store is silent", name)
				}
			case <-time.After(patience + grace):
				k.errorf("%s still waits %s after its context ended", name, grace)
			}
		})
	}
	calls.Wait()
}
