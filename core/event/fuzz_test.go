package event

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// FuzzRead has a driver parse whatever a queue brings. Every event is accounted for,
// every change is a wanted one, and every reason can be shown.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"events":[{"Kind":1,"Bucket":"photos","Key":"2026/a","Sequencer":"0A"},{"Kind":2,"Bucket":"photos","Key":"2026/a","Sequencer":"0b"}]}`), true)
	f.Add([]byte(`{"events":[{"Kind":2,"Bucket":"photos","Key":"2026/a"},{"Kind":9,"Bucket":"photos","Key":"2026/b"},{"Kind":1,"Bucket":"other","Key":"c"}]}`), true)
	f.Add([]byte(`{"events":[{"Problem":"\u0000\n"},{"Kind":3,"Bucket":"photos","Key":"2026/\u0000"}]}`), false)
	f.Add([]byte("\xff"), false)
	server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := server.Close(); err != nil {
			f.Error(err)
		}
	})
	server.CreateBucket("photos")
	bucket, err := memdriver.New(func(string) string { return "id:secret" }).Open(f.Context(), driver.OpenRequest{
		Bucket: "photos", Credentials: "env:KEYS", Options: map[string]string{"endpoint": server.Endpoint()},
	})
	if err != nil {
		f.Fatal(err)
	}
	parser, can := driver.As[driver.EventParser](bucket, driver.CapabilityEventParser)
	if !can {
		f.Fatal("the driver parses no events")
	}
	f.Fuzz(func(t *testing.T, body []byte, deletes bool) {
		reader := Reader{Parser: parser, Bucket: "photos", Prefix: "2026/", Mode: Create}
		if deletes {
			reader.Mode = CreateAndDelete
		}
		reading, err := reader.Read(t.Context(), body)
		var unreadable *Unreadable
		if err != nil && (!errors.As(err, &unreadable) || !shown(unreadable.Reason)) {
			t.Fatalf("Read = %v", err)
		}
		counted, keys := reading.Foreign+reading.Kept+len(reading.Problems), map[string]bool{}
		for _, change := range reading.Changes {
			if keys[change.Key] || !strings.HasPrefix(change.Key, "2026/") || change.Delete && !deletes || change.Events < 1 {
				t.Errorf("%+v of %+v", change, reading)
			}
			keys[change.Key] = true
			counted += change.Events
		}
		for _, problem := range reading.Problems {
			if !shown(problem.Reason) {
				t.Errorf("the reason of %+v cannot be shown", problem)
			}
		}
		if counted != reading.Events {
			t.Errorf("%d of %d events are accounted for: %+v", counted, reading.Events, reading)
		}
	})
}

// shown reports whether a reason can go with a message.
func shown(reason string) bool {
	return reason != "" && len(reason) <= maxReason && utf8.ValidString(reason) && !strings.ContainsAny(reason, "\x00\n\r\x1b")
}
