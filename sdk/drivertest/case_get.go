package drivertest

import (
	"bytes"
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
)

func getCases() []testCase {
	conditional := func(s driver.Session) bool { return s.Has(driver.CapabilityConditionalGet) }
	return []testCase{
		{name: "get-range", proves: "one signed GET serves many ranges, each exact", run: getRange},
		{name: "get-range-refused", proves: "a range outside the object is refused, and any range of 0 bytes", run: getRangeRefused},
		{name: "get-if-match", proves: "If-Match protects whole and ranged GETs", declared: conditional, run: getIfMatch},
		{name: "get-many", proves: "one signed GET serves the versions that the key has over time", run: getMany},
	}
}

func getRange(k *check) {
	key := k.key("object")
	const size = 100_000
	body := data(key, size)
	stored := k.put(key, body, driver.Attributes{})
	exchange, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign")
	for _, r := range [][2]int{{0, 0}, {0, 99}, {1, 65_536}, {65_535, 65_537}, {99_999, 99_999}, {50_000, 99_999}, {0, 99_999}} {
		doing := fmt.Sprintf("get bytes %d-%d", r[0], r[1])
		answer, err := k.executor.Do(k.ctx, exchange, Send{Range: fmt.Sprintf("bytes=%d-%d", r[0], r[1])})
		if err != nil {
			k.errorf("%s: %v", doing, err)
			continue
		}
		if answer.Status != 206 {
			k.errorf("%s answered status %d, want 206", doing, answer.Status)
		}
		if want := fmt.Sprintf("bytes %d-%d/%d", r[0], r[1], size); answer.Header.Get("Content-Range") != want {
			k.errorf("%s answered Content-Range %q, want %q", doing, answer.Header.Get("Content-Range"), want)
		}
		if !bytes.Equal(answer.Body, body[r[0]:r[1]+1]) {
			k.errorf("%s returned %d bytes that are not the object's", doing, len(answer.Body))
		}
		if answer.ETag != stored.ETag {
			k.errorf("%s answered ETag %q, the object has %q", doing, answer.ETag, stored.ETag)
		}
		// A checksum beside a range can only be that of the whole object.
		k.checkChecksums(doing, key, answer.Checksums, body)
	}
	answer, err := k.executor.Do(k.ctx, exchange, Send{Range: "bytes=99990-100099"})
	if err == nil && !bytes.Equal(answer.Body, body[99_990:]) {
		k.errorf("a range over the end returned %d bytes, want the last 10", len(answer.Body))
	}
	whole, err := k.executor.Do(k.ctx, exchange, Send{})
	if err != nil || !bytes.Equal(whole.Body, body) {
		k.errorf("the exchange no longer returns the whole object after ranges: %v", err)
	}
}

func getRangeRefused(k *check) {
	for size, wanted := range map[int]string{100: "bytes=100-199", 0: "bytes=0-99"} {
		key := k.key(fmt.Sprintf("%d-bytes", size))
		k.put(key, data(key, size), driver.Attributes{})
		answer, err := k.tryGet(key, Send{Range: wanted})
		if err == nil {
			k.errorf("%s of %d bytes is answered with status %d and %d bytes", wanted, size, answer.Status, len(answer.Body))
		} else if answer.Status != 416 {
			k.errorf("%s of %d bytes is refused with status %d, want 416: %v", wanted, size, answer.Status, err)
		}
	}
}

func getIfMatch(k *check) {
	key := k.key("object")
	body := data(key, 10_000)
	old := k.put(key, data("old", 10_000), driver.Attributes{}).ETag
	current := k.put(key, body, driver.Attributes{}).ETag
	for _, wanted := range []string{"", "bytes=10-19"} {
		answer, err := k.tryGet(key, Send{Range: wanted, IfMatch: current})
		if err != nil {
			k.errorf("get with range %q and the right If-Match: %v", wanted, err)
		} else if wanted == "" && !bytes.Equal(answer.Body, body) || wanted != "" && !bytes.Equal(answer.Body, body[10:20]) {
			k.errorf("get with range %q and the right If-Match returned other bytes", wanted)
		}
		_, err = k.tryGet(key, Send{Range: wanted, IfMatch: old})
		k.wantKind(err, fmt.Sprintf("get with range %q and the ETag of an older version", wanted), driver.KindPreconditionFailed)
	}
}

func getMany(k *check) {
	key := k.key("object")
	exchange, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign before the object exists")
	_, err = k.executor.Do(k.ctx, exchange, Send{})
	k.wantKind(err, "get before the object exists", driver.KindNotFound)
	for version := range 3 {
		body := data(fmt.Sprint("version", version), 1000)
		k.put(key, body, driver.Attributes{})
		answer, err := k.executor.Do(k.ctx, exchange, Send{})
		if err != nil || !bytes.Equal(answer.Body, body) {
			k.errorf("the exchange does not return version %d: %v", version, err)
		}
	}
}
