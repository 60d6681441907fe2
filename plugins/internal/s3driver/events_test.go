package s3driver

import (
	"encoding/json"
	"flag"
	"net/url"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/drivertest"
)

var update = flag.Bool("update", false, "rewrite testdata/events/want")

// TestParseEvents reads the notifications in testdata, whose form is that of the pages
// named at envelope.
func TestParseEvents(t *testing.T) {
	t.Parallel()
	drivertest.Notifications(t, openAt(t, "http://127.0.0.1:9", rich, "anonymous"), "testdata/events", *update)
}

// TestPredecessorD9MultiRecordEvent: a notification of more than one record was skipped.
// Shown to fail: let parseEvents read (*given.Records)[:1].
func TestPredecessorD9MultiRecordEvent(t *testing.T) {
	t.Parallel()
	record := func(key string) string {
		return `{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"` + key + `"}}}`
	}
	events, err := parseEvents([]byte(`{"Records":[`+record("one")+","+record("two")+","+record("three")+`]}`), maxCarriers)
	if err != nil || len(events) != 3 || events[2].Key != "three" {
		t.Errorf("three records are %+v, %v", events, err)
	}
}

// TestPredecessorFleet6SniffingBySubstring: what a message is was told by what stands
// anywhere in it, so a key could make an event a part, or a test.
// Shown to fail: let parseEvents begin with
// if bytes.Contains(payload, []byte("s3:TestEvent")) { return nil, nil }.
func TestPredecessorFleet6SniffingBySubstring(t *testing.T) {
	t.Parallel()
	for _, key := range []string{`"bodyRange":`, "s3:TestEvent", `{"Event":"s3:TestEvent"}`, `"Records":[]`, `"detail-type":"Object Deleted"`, `"Type":"Notification"`} {
		quoted, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		for carrier, payload := range map[string]string{
			"S3":          `{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":` + string(quoted) + `}}}]}`,
			"EventBridge": `{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":` + string(quoted) + `}}}`,
		} {
			events, err := parseEvents([]byte(wrap(t, payload)), maxCarriers)
			if err != nil || len(events) != 1 || events[0].Key != key || events[0].Kind != driver.EventCreated {
				t.Errorf("%s, key %q: %+v, %v", carrier, key, events, err)
			}
		}
	}
}

func TestParseEventsRefuses(t *testing.T) {
	t.Parallel()
	deep := `{"Records":[]}`
	for range maxCarriers + 1 {
		deep = wrap(t, deep)
	}
	cases := map[string]struct{ payload, want string }{
		"nothing":         {"", "no JSON object"},
		"another store":   {`{"events":[{"eventName":"ObjectCreated:PutObject"}]}`, "neither Records"},
		"another service": {`{"source":"aws.ec2","detail":{}}`, "neither Records"},
		"too deep":        {deep, "more than"},
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

// TestRecordsThatCannotBeRead proves that such a record is named, with its reason.
func TestRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ payload, want string }{
		"another version":    {`{"Records":[{"eventVersion":"3.0","eventName":"ObjectCreated:Put"}]}`, `"3.0"`},
		"a version alike":    {`{"Records":[{"eventVersion":"20.1","eventName":"ObjectCreated:Put"}]}`, `"20.1"`},
		"of another store":   {`{"Records":[{"cos":{},"event":{"eventName":"cos:ObjectCreated:Put"}}]}`, "eventVersion"},
		"of another service": {`{"Records":[{"eventVersion":"2.1","eventSource":"aws:ses","eventName":"x"}]}`, `"aws:ses"`},
		"no bucket":          {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put"}]}`, "s3.bucket.name"},
		"no key":             {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`, "s3.object.key"},
		"key half encoded":   {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%2"}}}]}`, "s3.object.key"},
		"another event":      {`{"Records":[{"eventVersion":"2.1","eventName":"ObjectRenamed:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`, `"ObjectRenamed:Put"`},
		"no key in a detail": {`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"}}}`, "detail.object.key"},
		"another detail":     {`{"source":"aws.s3","detail-type":"Object Renamed","detail":{}}`, `"Object Renamed"`},
		"foreign body":       {`{"Records":[{"body":"hello"}]}`, "no JSON object"},
		"body that is none":  {`{"Records":[{"body":5}]}`, "(number)"},
		"one of two":         {`{"Messages":[{"Body":"{\"Records\":[]}"},{"Body":"{}"}]}`, "neither Records"},
		"no object":          {`{"Records":["x"]}`, "(string)"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := parseEvents([]byte(test.payload), maxCarriers)
			if err != nil || len(events) != 1 || events[0].Kind != 0 || !strings.Contains(events[0].Problem, test.want) {
				t.Errorf("parseEvents = %+v, %v, want one problem that says %q", events, err, test.want)
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

// FuzzEvents reads anything.
func FuzzEvents(f *testing.F) {
	drivertest.FuzzNotifications(f, openAt(f, "http://127.0.0.1:9", rich, "anonymous"), "testdata/events")
}
