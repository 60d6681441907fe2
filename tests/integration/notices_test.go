package integration

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// notification is one event of one object, as stores tell of it.
type notification struct {
	name      string // S3's: "ObjectCreated:Put", "ObjectRemoved:Delete" or another
	bucket    string
	key       string
	size      int
	etag      string
	sequencer string
}

// fields is an object of JSON.
type fields = map[string]any

// golden reads a notification from the testdata of a plugin.
func golden[T any](t *testing.T, path string) T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../plugins", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	var read T
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return read
}

// within returns an object within another.
func within(t *testing.T, object fields, path ...string) fields {
	t.Helper()
	for _, name := range path {
		inner, ok := object[name].(fields)
		if !ok {
			t.Fatalf("there is no object %q in %v", name, object)
		}
		object = inner
	}
	return object
}

func encoded(t *testing.T, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const s3Golden = "internal/s3driver/testdata/events/"

// record returns the event as a record of S3's own notification, in a schema such as "2.1".
func (n notification) record(t *testing.T, schema string) fields {
	t.Helper()
	body := golden[struct{ Records []fields }](t, s3Golden+"s3-"+schema+".json")
	record := body.Records[0]
	record["eventName"] = n.name
	store := within(t, record, "s3")
	place := within(t, store, "bucket")
	place["name"], place["arn"] = n.bucket, "arn:aws:s3:::"+n.bucket
	object := within(t, store, "object")
	delete(object, "versionId") // the bucket has no versions
	object["key"] = strings.ReplaceAll(url.QueryEscape(n.key), "%2F", "/")
	object["sequencer"] = n.sequencer
	object["size"], object["eTag"] = n.size, n.etag
	if !strings.HasPrefix(n.name, "ObjectCreated") {
		delete(object, "size")
		delete(object, "eTag")
	}
	return record
}

// direct is S3's own notification.
func (n notification) direct(t *testing.T, schema string) string {
	t.Helper()
	return encoded(t, fields{"Records": []fields{n.record(t, schema)}})
}

// bridged is EventBridge's.
func (n notification) bridged(t *testing.T) string {
	t.Helper()
	name := "eventbridge-created.json"
	if !strings.HasPrefix(n.name, "ObjectCreated") {
		name = "eventbridge-deleted.json"
	}
	event := golden[fields](t, s3Golden+name)
	event["resources"] = []string{"arn:aws:s3:::" + n.bucket}
	within(t, event, "detail", "bucket")["name"] = n.bucket
	object := within(t, event, "detail", "object")
	delete(object, "version-id")
	object["key"], object["sequencer"], object["etag"] = n.key, strings.ToLower(n.sequencer), n.etag
	if _, created := object["size"]; created {
		object["size"] = n.size
	}
	return encoded(t, event)
}

// announced is S3's own, passed on by a topic of SNS.
func (n notification) announced(t *testing.T) string {
	t.Helper()
	envelope := golden[fields](t, s3Golden+"sns.json")
	envelope["Message"] = n.direct(t, "2.1")
	return encoded(t, envelope)
}

// ossNotice is a notification of OSS; created says whether the object was written, else
// it was deleted.
func ossNotice(t *testing.T, store *vendorStore, key string, created bool) string {
	t.Helper()
	event := golden[fields](t, "oss/testdata/events/eventbridge.json")
	name := "ObjectCreated:PutObject"
	if !created {
		name = "ObjectRemoved:DeleteObject"
	}
	event["type"], event["subject"] = "oss:"+name, "acs:oss:cn-hangzhou:1000000000000001:"+store.bucket+"/"+key
	data := within(t, event, "data")
	data["eventName"] = name
	within(t, data, "oss", "bucket")["name"] = store.bucket
	within(t, data, "oss", "object")["key"] = key
	return encoded(t, event)
}

// cosNotice is as ossNotice for COS, whose bucket's name ends in the account.
func cosNotice(t *testing.T, store *vendorStore, key string, created bool) string {
	t.Helper()
	body := golden[struct{ Records []fields }](t, "cos/testdata/events/scf-put.json")
	record := body.Records[0]
	within(t, record, "event")["eventName"] = "cos:ObjectCreated:Put"
	if !created {
		within(t, record, "event")["eventName"] = "cos:ObjectRemove:Delete"
	}
	name, account, _ := strings.Cut(store.bucket, "-")
	place := within(t, record, "cos", "cosBucket")
	place["name"], place["appid"] = name, account
	object := within(t, record, "cos", "cosObject")
	object["key"] = "/" + account + "/" + name + "/" + key
	object["url"] = "http://" + store.bucket + ".cos.ap-guangzhou.myqcloud.com/" + (&url.URL{Path: key}).EscapedPath()
	return encoded(t, fields{"Records": []fields{record}})
}

// kodoNotice is as ossNotice for Kodo.
func kodoNotice(t *testing.T, store *vendorStore, key string, created bool) string {
	t.Helper()
	name := map[bool]string{true: "put", false: "delete"}[created]
	envelope := golden[fields](t, "kodo/testdata/events/"+name+".json")
	text, _ := envelope["Message"].(string)
	var event fields
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatal(err)
	}
	event["bucket"], event["key"] = store.bucket, key
	envelope["Message"] = encoded(t, event)
	return encoded(t, envelope)
}
