package drivertest

import (
	"fmt"
	"slices"

	"github.com/dth-dev/dth/sdk/driver"
)

func putCases() []testCase {
	return []testCase{
		{name: "put-sizes", proves: "objects of 0 bytes to 1 MiB come back whole, with true evidence", run: putSizes},
		{name: "put-overwrite", proves: "a PUT replaces the object and its attributes", run: putOverwrite},
		{name: "put-length", proves: "an exchange takes a body of the signed length only", declared: signsRequests, run: putLength},
		{name: "put-checksum", proves: "a checksum given before the PUT is not taken on trust", run: putChecksum},
		{name: "put-proof", proves: "an answer to PUT, part and GET shows that it is the store's", run: putProof},
		{name: "put-trailer", proves: "a wrong trailing checksum is refused", run: putTrailer},
	}
}

func putSizes(k *check) {
	for _, size := range []int{0, 1, 4096, driver.DefaultChunkSize, driver.DefaultChunkSize + 1, 1<<20 + 1} {
		key := k.key(fmt.Sprintf("%d-bytes", size))
		body := data(key, size)
		stored := k.put(key, body, driver.Attributes{})
		got := k.wantObject(key, body)
		k.checkEvidence("get", key, got.ETag, got.Checksums, body)
		object := k.stat(key)
		k.checkEvidence("stat", key, object.ETag, object.Checksums, body)
		if object.Key != key || object.Size != int64(size) {
			k.errorf("stat of %q, %d bytes, returned %q, %d bytes", key, size, object.Key, object.Size)
		}
		if object.Modified.IsZero() {
			k.errorf("stat of %q has no modification time", key)
		}
		if stored.ETag == "" || stored.ETag != got.ETag || stored.ETag != object.ETag {
			k.errorf("%q has ETag %q from PUT, %q from GET, %q from Stat", key, stored.ETag, got.ETag, object.ETag)
		}
	}
}

// putProof: hosts take a write for done when its answer has what the reply captures as ETag
// and, where the store always sends one, a request id. What the reply cannot capture, and
// what a store that declares it does not send, would leave every write unproven.
func putProof(k *check) {
	key := k.key("object")
	body := data(key, 1000)
	put, err := k.bucket.SignPut(k.ctx, k.putRequest(key, body, driver.Attributes{}))
	k.must(err, "sign")
	k.wrote(key)
	k.wantProof("put", put, Send{Body: body})
	get, err := k.bucket.SignGet(k.ctx, driver.GetRequest{Key: key})
	k.must(err, "sign")
	k.wantProof("get", get, Send{})
	k.wantProof("get of a range", get, Send{Range: "bytes=0-9"})
	if uploader, can := driver.As[driver.Uploader](k.bucket, driver.CapabilityUploader); can {
		upload := k.create(k.key("upload"), driver.Attributes{})
		part, err := uploader.SignPart(k.ctx, driver.PartRequest{Upload: upload.ref, Number: 1, Size: int64(len(body))})
		k.must(err, "sign")
		k.wantProof("put of a part", part, Send{Body: body})
	}
}

// wantProof executes the exchange and looks for what shows that the answer is the store's.
func (k *check) wantProof(doing string, exchange driver.Exchange, send Send) {
	answer, err := k.executor.Do(k.ctx, exchange, send)
	k.must(err, "%s", doing)
	captured := slices.ContainsFunc(exchange.Reply.Capture, func(c driver.Capture) bool { return c.Field == driver.FieldETag })
	switch {
	case !captured:
		k.errorf("the reply to %s captures no ETag: a login page that answers 200 would count as done", doing)
	case answer.ETag == "":
		k.errorf("the answer to %s has no ETag where the reply captures it", doing)
	}
	if exchange.Reply.RequestIDAlways && answer.RequestID == "" {
		k.errorf("the answer to %s has no request id, which RequestIDAlways declares (%q)", doing, exchange.Reply.RequestID)
	}
}

func putOverwrite(k *check) {
	key := k.key("object")
	first, second := data("first", 5000), data("second", 3000)
	before := k.put(key, first, driver.Attributes{ContentType: "text/first", Metadata: []driver.Metadata{{Name: "first", Value: "1"}}})
	after := k.put(key, second, driver.Attributes{ContentType: "text/second"})
	got := k.wantObject(key, second)
	if before.ETag == after.ETag {
		k.errorf("two versions have the same ETag %q", after.ETag)
	}
	if got.Attributes.ContentType != "text/second" || len(got.Attributes.Metadata) != 0 {
		k.errorf("attributes of the first version stayed: %+v", got.Attributes)
	}
	if object := k.stat(key); object.Size != int64(len(second)) {
		k.errorf("stat shows %d bytes after an overwrite with %d", object.Size, len(second))
	}
}

func putLength(k *check) {
	key := k.key("object")
	body := data(key, 1000)
	for name, sent := range map[string][]byte{"shorter": body[:999], "longer": append(body[:1000:1000], 'x'), "empty": nil} {
		exchange, err := k.bucket.SignPut(k.ctx, k.putRequest(key, body, driver.Attributes{}))
		k.must(err, "sign")
		k.wrote(key)
		if _, err := k.executor.Do(k.ctx, exchange, Send{Body: sent}); err == nil {
			k.errorf("a %s body than was signed is accepted", name)
		}
		k.wantAbsent(key)
	}
}

func putChecksum(k *check) {
	tried := false
	for _, algorithm := range k.session.Checksums.Stored {
		key := k.key(algorithm.String())
		body := data(key, 1000)
		good, can := sum(algorithm, body)
		if !can {
			continue
		}
		tried = true
		k.wrote(key)
		wrong := good
		wrong.Value = string([]byte{good.Value[0] ^ 1}) + good.Value[1:]
		answer, err := k.putAnnounced(key, body, wrong)
		if err == nil {
			// A driver may leave the announcement out; what it stores must not lie.
			k.checkEvidence("put with a wrong checksum", key, answer.ETag, answer.Checksums, body)
			object := k.stat(key)
			k.checkEvidence("stat", key, object.ETag, object.Checksums, body)
		} else {
			k.wantKind(err, "put with a wrong checksum", driver.KindIntegrity)
			k.wantAbsent(key)
		}
		answer, err = k.putAnnounced(key, body, good)
		k.must(err, "put with the right %s", algorithm)
		k.checkEvidence("put", key, answer.ETag, answer.Checksums, body)
		k.wantObject(key, body)
	}
	if !tried {
		k.notDeclared()
	}
}

func (k *check) putAnnounced(key string, body []byte, checksum driver.Checksum) (Answer, error) {
	exchange, err := k.bucket.SignPut(k.ctx, driver.PutRequest{Key: key, Size: int64(len(body)), Checksum: checksum})
	k.must(err, "sign")
	return k.executor.Do(k.ctx, exchange, Send{Body: body})
}

func putTrailer(k *check) {
	key := k.key("object")
	body := data(key, 100_000)
	exchange, err := k.bucket.SignPut(k.ctx, driver.PutRequest{Key: key, Size: int64(len(body))})
	k.must(err, "sign")
	if exchange.Body.Kind != driver.FramingTrailer {
		k.notDeclared() // the other framings carry no checksum; evidence comes with the answer
	}
	k.wrote(key)
	_, err = k.executor.Do(k.ctx, exchange, Send{Body: body, corrupt: true})
	k.wantKind(err, "put with a wrong trailer", driver.KindIntegrity)
	k.wantAbsent(key)
}
