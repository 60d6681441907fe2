package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestParseEvents(t *testing.T) {
	t.Parallel()
	at := time.Unix(1547551207, 786351434).UTC()
	const hash = "FhWqsP2Lk36zuwGEFpPzXct12i-v"
	for file, want := range map[string][]driver.Event{
		// The documentation's sample names a destination beside a put; it means nothing there.
		"put":  {{Kind: driver.EventCreated, Name: "put", Bucket: "bucket_name", Key: "event1_tets.txt", Size: 6, ETag: hash, Time: at}},
		"copy": {{Kind: driver.EventCreated, Name: "copy", Bucket: "c", Key: "a%20b/日本", Size: 6, ETag: hash, Time: at}},
		"move": {
			{Kind: driver.EventDeleted, Name: "move", Bucket: "b", Key: "from", Time: at},
			{Kind: driver.EventCreated, Name: "move", Bucket: "c", Key: "to", Size: 6, ETag: hash, Time: at},
		},
		"delete":   {{Kind: driver.EventDeleted, Name: "delete", Bucket: "b", Key: "k", Time: at}},
		"restored": {{Kind: driver.EventRestored, Name: "restore:completed", Bucket: "b", Key: "k", Size: 6, ETag: "h", Time: at}},
		"disable":  nil,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			payload, err := os.ReadFile(filepath.Join("testdata", "events", file+".json"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := parse(payload)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v, events (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestForeignNotificationsAreRefused(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"Message":{"event":"put"}}`:                        `a text "Message"`,
		`{"Subject":"Qiniu KODO Notification"}`:              `a text "Message"`,
		`{"Message":"put"}`:                                  `"event" and "bucket"`,
		`{"Message":"{\"event\":\"put\",\"key\":\"k\"}"}`:    `"event" and "bucket"`,
		`{"Message":"{\"bucket\":\"b\",\"key\":\"k\"}"}`:     `"event" and "bucket"`,
		`{"Records":[{"eventName":"ObjectCreated:Put"}]}`:    `a text "Message"`,
		`{"Message":"{\"event\":\"put\",\"bucket\":\"b\"}"}`: `"key"`,
	} {
		_, err := parse([]byte(payload))
		if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", payload, err, want)
		}
	}
}

// FuzzParseEvents feeds the parser: whatever it makes an event of has a kind, a bucket
// and a key.
func FuzzParseEvents(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, err := parse(payload)
		if err != nil && (driver.KindOf(err) != driver.KindInvalidArgument || events != nil) {
			t.Errorf("%v, %v", events, err)
		}
		for _, event := range events {
			if event.Kind == 0 || event.Bucket == "" || event.Key == "" {
				t.Errorf("%+v", event)
			}
		}
	})
}
