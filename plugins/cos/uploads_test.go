package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/tests/servers"
)

// TestLateErrors lets completing and copying fail after the status 200.
func TestLateErrors(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	client := clientOf(t, server)
	b.put(t, client, "source", "body", driver.Attributes{})
	works := map[string]struct {
		op   string
		work func(key string) (driver.Object, error)
	}{
		"complete": {"CompleteMultipartUpload", func(key string) (driver.Object, error) { return b.upload(t, client, key, "body") }},
		"copy": {"PutObjectCopy", func(key string) (driver.Object, error) {
			return b.CopyObject(t.Context(), driver.CopyObjectRequest{Source: sourceAt(server), Object: driver.Object{Key: "source", Size: 4}, Key: key})
		}},
	}
	cases := map[string]struct {
		fault servers.Fault
		want  driver.Kind
	}{
		"error":   {servers.Fault{"do": "late-error"}, driver.KindUnavailable},
		"denied":  {servers.Fault{"do": "late-error", "code": "AccessDenied", "message": "no"}, driver.KindDenied},
		"cut off": {servers.Fault{"do": "truncate", "bytes": 10}, driver.KindUnavailable},
		"lost":    {servers.Fault{"do": "lost-answer"}, driver.KindUnavailable},
	}
	for doing, work := range works {
		for name, test := range cases {
			test.fault["op"] = work.op
			server.Inject(t, test.fault)
			_, err := work.work(doing + name)
			wantFailure(t, err, test.want)
		}
		server.Inject(t, servers.Fault{"op": work.op, "do": "late-result", "millis": 30})
		object, err := work.work(doing)
		if err != nil || object.ETag == "" || len(object.Checksums) != 1 {
			t.Errorf("a late result of %s is read as %+v, %v", doing, object, err)
		}
	}
}

// sourceAt is the bucket suite as the source of a copy.
func sourceAt(server *servers.Emulator) driver.CopySource {
	return driver.CopySource{Bucket: suite, Options: map[string]string{"region": region, "endpoint": server.Endpoint}}
}

// upload writes an object as an upload of one part.
func (b *bucket) upload(t *testing.T, client *http.Client, key, body string) (driver.Object, error) {
	t.Helper()
	upload, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	exchange, err := b.SignPart(t.Context(), driver.PartRequest{Upload: upload.UploadRef, Number: 1, Size: int64(len(body))})
	if err != nil {
		t.Fatal(err)
	}
	part := driver.Part{Number: 1, ETag: control.Unquote(send(t, client, exchange, []byte(body)).Header.Get("Etag"))}
	return b.CompleteUpload(t.Context(), driver.CompleteUploadRequest{Upload: upload.UploadRef, Parts: []driver.Part{part}, Size: int64(len(body))})
}

func TestResultsOfLongWork(t *testing.T) {
	t.Parallel()
	blanks := strings.Repeat(" ", 10_000)
	cases := map[string]struct {
		body string
		etag string
		want driver.Kind
	}{
		"at once":           {`<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>`, "e-2", 0},
		"escaped quotes":    {`<R><ETag>&quot;e-2&quot;</ETag></R>`, "e-2", 0},
		"after blanks":      {blanks + `<R><ETag>"e-2"</ETag></R>`, "e-2", 0},
		"beside an odd key": {"<R><Key>\x01&lt;ETag></Key><ETag>\"e-2\"</ETag></R>", "e-2", 0},
		"error":             {blanks + `<Error><Code>InternalError</Code></Error>`, "", driver.KindUnavailable},
		"declared error":    {`<?xml version="1.0"?>` + blanks + `<Error><Code>NoSuchUpload</Code></Error>`, "", driver.KindNotFound},
		"empty etag":        {`<R><ETag></ETag></R>`, "", driver.KindUnavailable},
		"blanks alone":      {blanks, "", driver.KindUnavailable},
		"nothing":           {"", "", driver.KindUnavailable},
		"broken off":        {`<R><ETag>"e-`, "", driver.KindUnavailable},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etag, err := result(control.Answer{Status: 200, Header: http.Header{"X-Cos-Request-Id": {"id"}}, Body: []byte(test.body)}, "ETag")
			if etag != test.etag || driver.KindOf(err) != test.want {
				t.Errorf("result = %q, %v (%s), want %q, %s", etag, err, driver.KindOf(err), test.etag, test.want)
			}
		})
	}
}

// TestUploadsPages lists more uploads than a page has.
func TestUploadsPages(t *testing.T) {
	setKeys(t)
	server := startEmulator(t)
	b := openAt(t, "env:GOOD", map[string]string{"endpoint": server.Endpoint})
	const count = 1003
	for range count {
		if _, err := b.CreateUpload(t.Context(), driver.CreateUploadRequest{Key: "a key+%2F\x01"}); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := map[string]bool{}, 0
	for request := (driver.ListUploadsRequest{Prefix: "a key+"}); ; pages++ {
		page, err := b.ListUploads(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, upload := range page.Uploads {
			seen[upload.ID] = upload.Key == "a key+%2F\x01"
		}
		if request.Token = page.Next; page.Next == "" {
			break
		}
	}
	for id, right := range seen {
		if !right {
			t.Fatalf("upload %s is listed under another key", id)
		}
	}
	if len(seen) != count || pages != 1 {
		t.Errorf("%d uploads are listed with %d more pages, want %d with 1", len(seen), pages, count)
	}
	_, err := b.ListUploads(t.Context(), driver.ListUploadsRequest{Token: "nonsense"})
	wantFailure(t, err, driver.KindInvalidArgument)
}
