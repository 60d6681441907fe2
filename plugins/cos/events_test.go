package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestNotifications(t *testing.T) {
	t.Parallel()
	at := func(second int64) time.Time { return time.Unix(1545205770+second, 0).UTC() }
	cases := map[string][]driver.Event{
		"scf-put": {{Kind: driver.EventCreated, Name: "cos:ObjectCreated:Put", Bucket: "testpic-1253970026", Key: "testfile", Size: 1029, Time: at(0)}},
		"scf-odd-keys": {
			{Kind: driver.EventCreated, Name: "cos:ObjectCreated:CompleteMultipartUpload", Bucket: "testpic-1253970026", Key: "a b+%", VersionID: "v1", Size: 1, Time: at(0)},
			{Kind: driver.EventDeleted, Name: "cos:ObjectRemove:DeleteMarkerCreated", Bucket: "testpic-1253970026", Key: "a b+%", Time: at(1)},
			{Kind: driver.EventRestored, Name: "cos:ObjectRestore:Completed", Bucket: "testpic-1253970026", Key: "a%20b", Time: at(2)},
			{Kind: driver.EventDeleted, Name: "cos:ObjectRemove:Delete", Bucket: "testpic-1253970026", Key: "1253970026/testpic/x", Time: at(3)},
		},
	}
	for name, want := range cases {
		payload, err := os.ReadFile("testdata/events/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		wantEvents(t, name, payload, want)
	}
}

func wantEvents(t *testing.T, name string, payload []byte, want []driver.Event) {
	t.Helper()
	got, err := openAt(t, "anonymous", nil).ParseEvents(t.Context(), payload)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s (%v, -want +got):\n%s", name, err, diff)
	}
}

// deliver packs a log as CLS does.
func deliver(t testing.TB, document []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(document); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{"clslogs": map[string]string{"data": base64.StdEncoding.EncodeToString(packed.Bytes())}})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestLogsOfCLS(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("testdata/events/cls-log.json")
	if err != nil {
		t.Fatal(err)
	}
	at := func(second int) time.Time { return time.Date(2018, 12, 1, 11, 2, second, 0, time.UTC) }
	wantEvents(t, "log", deliver(t, document), []driver.Event{
		{Kind: driver.EventCreated, Name: "PutObject", Bucket: "examplebucket-1250000000", Key: "folder/te xt+.txt", Time: at(33)},
		{Kind: driver.EventCreated, Name: "CompleteMultipartUpload", Bucket: "examplebucket-1250000000", Key: "folder/text.txt", Time: at(35)},
		{Kind: driver.EventDeleted, Name: "DeleteObject", Bucket: "examplebucket-1250000000", Key: "folder/text.txt", Time: at(36)},
	})
	wantEvents(t, "nothing in it", deliver(t, []byte(`{"records":[]}`)), nil)
	wantEvents(t, "no records", []byte(`{"Records":[]}`), nil)
}

func TestForeignNotifications(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", nil)
	cases := map[string][]byte{
		"of S3":             []byte(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}`),
		"times of S3":       []byte(`{"Records":[{"event":{"eventTime":"2018"}}]}`),
		"log, no base64":    []byte(`{"clslogs":{"data":"%"}}`),
		"log, no gzip":      []byte(`{"clslogs":{"data":"eHh4"}}`),
		"log, cut":          []byte(`{"clslogs":{"data":"H4sIAAAAAAAA"}}`),
		"log of others":     deliver(t, []byte(`{"records":[{"content":"{\"message\":\"hello\"}"}]}`)),
		"log of plain text": deliver(t, []byte(`{"records":[{"content":"hello"}]}`)),
		"log without any":   deliver(t, []byte(`{}`)),
		"log, bad path":     deliver(t, []byte(`{"records":[{"content":"{\"bucketName\":\"b\",\"eventName\":\"PutObject\",\"reqPath\":\"/%zz\"}"}]}`)),
	}
	for name, payload := range cases {
		if events, err := b.ParseEvents(t.Context(), payload); driver.KindOf(err) != driver.KindInvalidArgument || len(events) > 0 {
			t.Errorf("%s: %v, %v (%s)", name, events, err, driver.KindOf(err))
		}
	}
}

// FuzzParseEvents proves that no payload makes the parser fall, and that an event
// names a bucket and a key.
func FuzzParseEvents(f *testing.F) {
	for _, name := range []string{"scf-put", "scf-odd-keys", "cls-log"} {
		payload, err := os.ReadFile("testdata/events/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		f.Add(deliver(f, payload))
	}
	b := openAt(f, "anonymous", nil)
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, err := b.ParseEvents(t.Context(), payload)
		if err != nil && driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("%q: %v is %s", payload, err, driver.KindOf(err))
		}
		for _, event := range events {
			if event.Bucket == "" || event.Key == "" || event.Kind.String() == "unknown" {
				t.Errorf("%q holds %+v", payload, event)
			}
		}
	})
}
