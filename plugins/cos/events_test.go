package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"flag"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

var update = flag.Bool("update", false, "rewrite testdata/events/want")

// TestNotifications reads the notifications in testdata; its README names the pages.
func TestNotifications(t *testing.T) {
	t.Parallel()
	drivertest.Notifications(t, openAt(t, "anonymous", nil), "testdata/events", *update)
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

// TestRecordsThatCannotBeRead proves that such a record is named, with its reason.
func TestRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", nil)
	cases := map[string]struct {
		payload []byte
		want    string
	}{
		"of S3":             {[]byte(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}`), "event.eventName"},
		"times of S3":       {[]byte(`{"Records":[{"event":{"eventTime":"2018"}}]}`), "(string)"},
		"log of others":     {deliver(t, []byte(`{"records":[{"content":"{\"message\":\"hello\"}"}]}`)), "bucketName"},
		"log of plain text": {deliver(t, []byte(`{"records":[{"content":"hello"}]}`)), "no access log"},
		"log, bad path":     {deliver(t, []byte(`{"records":[{"content":"{\"bucketName\":\"b\",\"eventName\":\"PutObject\",\"resHttpCode\":200,\"reqPath\":\"/%zz\"}"}]}`)), "reqPath"},
		"log, many deleted": {deliver(t, []byte(`{"records":[{"content":"{\"bucketName\":\"b\",\"eventName\":\"DeleteMultipleObjects\",\"resHttpCode\":200,\"reqPath\":\"/\"}"}]}`)), "names none"},
	}
	for name, test := range cases {
		events, err := b.ParseEvents(t.Context(), test.payload)
		if err != nil || len(events) != 1 || !strings.Contains(events[0].Problem, test.want) {
			t.Errorf("%s: %+v, %v, want one problem that says %q", name, events, err, test.want)
		}
	}
}

func TestForeignNotifications(t *testing.T) {
	t.Parallel()
	b := openAt(t, "anonymous", nil)
	cases := map[string][]byte{
		"log, no base64":  []byte(`{"clslogs":{"data":"%"}}`),
		"log, no gzip":    []byte(`{"clslogs":{"data":"eHh4"}}`),
		"log, cut":        []byte(`{"clslogs":{"data":"H4sIAAAAAAAA"}}`),
		"log without any": deliver(t, []byte(`{}`)),
	}
	for name, payload := range cases {
		if events, err := b.ParseEvents(t.Context(), payload); driver.KindOf(err) != driver.KindInvalidArgument || len(events) > 0 {
			t.Errorf("%s: %v, %v (%s)", name, events, err, driver.KindOf(err))
		}
	}
}

// FuzzParseEvents reads anything.
func FuzzParseEvents(f *testing.F) {
	log := []byte(`{"records":[{"content":"{\"bucketName\":\"b\",\"eventName\":\"PutObject\",\"resHttpCode\":200,\"reqPath\":\"/k\"}"}]}`)
	drivertest.FuzzNotifications(f, openAt(f, "anonymous", nil), "testdata/events", deliver(f, log))
}
