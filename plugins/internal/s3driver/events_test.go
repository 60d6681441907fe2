package s3driver

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestParseEvents reads the notifications in testdata, whose form is that of the pages
// named at envelope.
func TestParseEvents(t *testing.T) {
	t.Parallel()
	exact := time.Date(2026, 11, 23, 7, 31, 47, 803e6, time.UTC)
	second := exact.Truncate(time.Second)
	put := driver.Event{
		Kind: driver.EventCreated, Name: "ObjectCreated:Put", Bucket: "photos", Key: "2026/red flower+%20.jpg", Size: 1024,
		VersionID: "096fKKXTRTtl3on89fVO.nfljtsv6qko", ETag: "d41d8cd98f00b204e9800998ecf8427e", Sequencer: "0055AED6DCD90281E5", Time: exact,
	}
	cases := map[string][]driver.Event{
		"s3-2.1":       {put},
		"sns":          {put},
		"sqs":          {put},
		"sqs-receive":  {put, put},
		"sqs-function": {put},
		"sns-function": {put},
		"s3-2.2": {{
			Kind: driver.EventDeleted, Name: "ObjectRemoved:DeleteMarkerCreated", Bucket: "photos", Key: "gone", VersionID: "v9",
			Sequencer: "0062E99A88DC407460", Time: exact,
		}},
		"s3-2.3": {
			{Kind: driver.EventRestored, Name: "ObjectRestore:Completed", Bucket: "photos", Key: "archived", Size: 7, ETag: "e", Sequencer: "0062", Time: exact},
			{Kind: driver.EventDeleted, Name: "LifecycleExpiration:Delete", Bucket: "photos", Key: "expired", Time: exact},
		},
		"s3-2.5": {{
			Kind: driver.EventCreated, Name: "ObjectCreated:CompleteMultipartUpload", Bucket: "photos", Key: "🚀/a&b=c", Size: 6 << 30,
			ETag: "9bb58f26192e4ba00f01e2e7b136bbd8-1024", Sequencer: "006C", Time: exact,
		}},
		"eventbridge-created": {{
			Kind: driver.EventCreated, Name: "Object Created", Bucket: "photos", Key: "red flower+%20.jpg", Size: 5, VersionID: "IYV3p45B",
			ETag: "b1946ac92492d2347c6235b4d2611184", Sequencer: "617f08299329d189", Time: second,
		}},
		"eventbridge-deleted": {{
			Kind: driver.EventDeleted, Name: "Object Deleted", Bucket: "photos", Key: "gone", VersionID: "1QW9", ETag: "d41d8",
			Sequencer: "617f0837b476e463", Time: second,
		}},
		"eventbridge-tags": nil,
		"eventbridge-in-sqs": {{
			Kind: driver.EventRestored, Name: "Object Restore Completed", Bucket: "photos", Key: "archived", Size: 7, ETag: "e", Time: second,
		}},
		"test":        nil,
		"test-in-sqs": nil,
		"minio": {{
			Kind: driver.EventCreated, Name: "s3:ObjectCreated:Put", Bucket: "photos", Key: "photos/red flower.jpg", Size: 3, ETag: "e",
			Sequencer: "16D6F3A8A1", Time: exact,
		}},
	}
	for name, payload := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, known := cases[name]
			if !known {
				t.Fatal("nobody says what it means")
			}
			got, err := parseEvents(payload, maxCarriers)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// corpus returns the notifications in testdata, by name.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d notifications: %v", len(paths), err)
	}
	payloads := map[string][]byte{}
	for _, path := range paths {
		payload, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		payloads[strings.TrimSuffix(filepath.Base(path), ".json")] = payload
	}
	return payloads
}

func TestParseEventsRefuses(t *testing.T) {
	t.Parallel()
	deep := `{"Records":[]}`
	for range maxCarriers + 1 {
		deep = wrap(t, deep)
	}
	cases := map[string]struct{ payload, want string }{
		"nothing":            {"", "no JSON object"},
		"another store":      {`{"events":[{"eventName":"ObjectCreated:PutObject"}]}`, "neither Records"},
		"another service":    {`{"source":"aws.ec2","detail":{}}`, "neither Records"},
		"another version":    {`{"Records":[{"eventVersion":"3.0","eventName":"ObjectCreated:Put"}]}`, "eventVersion"},
		"no bucket":          {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put"}]}`, "s3.bucket.name"},
		"no key":             {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`, "s3.object.key"},
		"key half encoded":   {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%2"}}}]}`, "s3.object.key"},
		"no key in a detail": {`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"}}}`, "detail.object.key"},
		"foreign body":       {`{"Records":[{"body":"hello"}]}`, "no JSON object"},
		"one of two":         {`{"Messages":[{"Body":"{\"Records\":[]}"},{"Body":"{}"}]}`, "neither Records"},
		"too deep":           {deep, "more than"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := parseEvents([]byte(test.payload), maxCarriers)
			if len(events) > 0 || driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("parseEvents = %v, %v, want invalid argument and %q", events, err, test.want)
			}
		})
	}
}

// wrap puts a payload into a message of SQS.
func wrap(t testing.TB, payload string) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{"Body": payload})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzEventKey proves that a key is decoded exactly once, however the event is carried.
func FuzzEventKey(f *testing.F) {
	for _, key := range []string{"a", "a b", "a+b", "%20", "%2520", "ü/🚀", `"\`, "&amp;", "\x00"} {
		f.Add(key, uint8(0))
		f.Add(key, uint8(2))
	}
	f.Fuzz(func(t *testing.T, key string, carriers uint8) {
		if key == "" {
			return
		}
		payload := `{"Records":[{"eventVersion":"2.3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"` +
			url.QueryEscape(key) + `"}}}]}`
		for range carriers % maxCarriers {
			payload = wrap(t, payload)
		}
		events, err := parseEvents([]byte(payload), maxCarriers)
		if err != nil || len(events) != 1 || events[0].Key != key {
			t.Errorf("parseEvents = %+v, %v, want the key %q", events, err, key)
		}
	})
}

// FuzzEvents reads anything: it returns whole events or says what the payload lacks.
func FuzzEvents(f *testing.F) {
	for _, payload := range corpus(f) {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, err := parseEvents(payload, maxCarriers)
		if err != nil && (driver.KindOf(err) != driver.KindInvalidArgument || len(events) > 0) {
			t.Errorf("parseEvents = %v, %v", events, err)
		}
		for _, event := range events {
			if event.Kind.String() == "unknown" || event.Bucket == "" || event.Key == "" {
				t.Errorf("the event says too little: %+v", event)
			}
		}
	})
}
