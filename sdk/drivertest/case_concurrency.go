package drivertest

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/dth-dev/dth/sdk/driver"
)

func concurrencyCases() []testCase {
	return []testCase{
		{name: "concurrent-keys", proves: "many goroutines work on different keys without mixing", run: concurrentKeys},
		{name: "concurrent-puts", proves: "of PUTs on one key one survives whole", run: concurrentPuts},
	}
}

func concurrentKeys(k *check) {
	// A store that keeps objects as files removes an emptied folder while another
	// writer is about to use it. One key that stays keeps that race out: it is
	// about folders, this case is about keys.
	k.put(k.key("stays"), data("stays", 10), driver.Attributes{})
	var workers sync.WaitGroup
	for worker := range 16 {
		workers.Go(func() {
			for round := range 4 {
				k.workOn(k.key(fmt.Sprintf("%d/%d", worker, round)))
			}
		})
	}
	workers.Wait()
}

// workOn does everything with one key. Several goroutines run it, so it records
// failures but does not end the case.
func (k *check) workOn(key string) {
	body := data(key, 2000)
	if _, err := k.tryPut(key, body, driver.Attributes{ContentType: "text/" + fmt.Sprint(len(key))}); err != nil {
		k.errorf("put %q: %v", key, err)
		return
	}
	k.wantObject(key, body)
	if object, err := k.bucket.Stat(k.ctx, driver.StatRequest{Key: key}); err != nil || object.Key != key || object.Size != 2000 {
		k.errorf("stat %q returned %q with %d bytes, %v", key, object.Key, object.Size, err)
	}
	if _, err := k.bucket.List(k.ctx, driver.ListRequest{Prefix: key}); err != nil {
		k.errorf("list %q: %v", key, err)
	}
	if err := k.bucket.Delete(k.ctx, driver.DeleteRequest{Key: key}); err != nil {
		k.errorf("delete %q: %v", key, err)
	}
	k.wantAbsent(key)
}

func concurrentPuts(k *check) {
	key := k.key("object")
	bodies := make([][]byte, 8)
	var workers sync.WaitGroup
	for i := range bodies {
		bodies[i] = bytes.Repeat([]byte{byte('a' + i)}, 50_000+i)
		workers.Go(func() {
			if _, err := k.tryPut(key, bodies[i], driver.Attributes{}); err != nil {
				k.errorf("put: %v", err)
			}
		})
	}
	workers.Wait()
	answer, err := k.tryGet(key, Send{})
	k.must(err, "get")
	for _, body := range bodies {
		if bytes.Equal(answer.Body, body) {
			return
		}
	}
	k.errorf("after concurrent PUTs the object has %d bytes that nobody sent as a whole", len(answer.Body))
}
