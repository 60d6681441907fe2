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

// documented returns a notification of testdata.
func documented(t testing.TB, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestEvents(t *testing.T) {
	t.Parallel()
	put := driver.Event{
		Kind: driver.EventCreated, Name: "ObjectCreated:PutObject", Bucket: suite, Key: "source/a b%20+ü.png", Size: 122539,
		ETag: "688A7BF4F233DC9C88A80BF985AB7329", Time: time.Date(2026, 8, 13, 6, 45, 43, 0, time.UTC),
	}
	gone := driver.Event{
		Kind: driver.EventDeleted, Name: "ObjectRemoved:DeleteObject", Bucket: suite, Key: "gone", Time: time.Date(2026, 8, 13, 6, 45, 45, 0, time.UTC),
	}
	bridged := func(kind driver.EventKind, name, key string) driver.Event {
		return driver.Event{
			Kind: kind, Name: name, Bucket: suite, Key: key, Size: 59537, ETag: "63C1F8A0B1D2E3F405162738495A6D32",
			Time: time.Date(2026, 3, 11, 5, 40, 45, 0, time.UTC),
		}
	}
	cases := map[string][]driver.Event{
		"function-compute.json": {put, gone},
		"queue.b64":             {put, gone},
		"topic.json":            {put, gone},
		"eventbridge.json":      {bridged(driver.EventCreated, "ObjectCreated:CompleteMultipartUpload", "input/数据.csv")},
		"eventbridge-list.json": {
			bridged(driver.EventRestored, "ObjectRestore:FinishRestore", "cold"), bridged(driver.EventDeleted, "ObjectReplication:ObjectRemoved", "copy"),
		},
		"eventbridge-bucket.json": {},
	}
	b := opened(t, at(suite, "anonymous", "", nil))
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := b.ParseEvents(t.Context(), documented(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestForeignEvents(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ payload, want string }{
		"no JSON":            {"hello topic", "no JSON of OSS"},
		"nothing":            {"", "is empty"},
		"an empty list":      {"[]", "an empty list"},
		"another document":   {`{"a": 1}`, "neither events"},
		"another vendor's":   {`{"events": [{"eventName": "CdnDomainAdded", "eventSource": "cdn"}]}`, `"cdn"`},
		"another source":     {`{"source": "acs.ecs", "data": {"eventName": "x"}}`, "not OSS's"},
		"envelopes for ever": {`{"Message": "{\"Message\": \"{\\\"Message\\\": \\\"x\\\"}\"}"}`, "neither events"},
	}
	b := opened(t, at(suite, "anonymous", "", nil))
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.ParseEvents(t.Context(), []byte(test.payload))
			if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseEvents = %v (%v), want invalid argument and %q", err, driver.KindOf(err), test.want)
			}
		})
	}
}

// FuzzParseEvents proves that whatever is parsed names objects of known events.
func FuzzParseEvents(f *testing.F) {
	for _, name := range []string{"function-compute.json", "queue.b64", "topic.json", "eventbridge.json", "eventbridge-list.json", "eventbridge-bucket.json"} {
		f.Add(documented(f, name))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, err := parseEvents(payload, 2)
		if err != nil && driver.KindOf(err) != driver.KindInvalidArgument {
			t.Errorf("parseEvents = %v (%v)", err, driver.KindOf(err))
		}
		for _, event := range events {
			if event.Key == "" || event.Kind.String() == "unknown" {
				t.Errorf("parseEvents returns %+v", event)
			}
		}
	})
}
