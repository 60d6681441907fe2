package drivertest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

// wanted is the folder, below that of the notifications, of what is expected of them.
const wanted = "want"

// told is an event as a file of the folder "want" holds it.
type told struct {
	Kind      string     `json:"kind,omitempty"` // "created", "deleted", "restored"; none where there is a problem
	Name      string     `json:"name,omitempty"`
	Bucket    string     `json:"bucket,omitempty"`
	Key       string     `json:"key,omitempty"`
	VersionID string     `json:"versionId,omitempty"`
	Size      int64      `json:"size,omitempty"`
	ETag      string     `json:"etag,omitempty"`
	Sequencer string     `json:"sequencer,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	Problem   string     `json:"problem,omitempty"`
}

// Notifications reads every notification in a folder, such as testdata/events, and
// compares its events with those that FOLDER/want/NAME.json lists. A file of the folder
// is one whole payload; pages on them (*.md) are none. With update it writes what
// it would compare: look at the difference before you commit it.
func Notifications(t *testing.T, parser driver.EventParser, folder string, update bool) {
	t.Helper()
	for name, payload := range payloads(t, folder) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := parser.ParseEvents(t.Context(), payload)
			if err != nil {
				t.Fatal(err)
			}
			checkEvents(t, events)
			got, path := listed(t, events), filepath.Join(folder, wanted, strings.TrimSuffix(name, filepath.Ext(name))+".json")
			if update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(want, got) {
				t.Errorf("%v, want\n%s\ngot\n%s", err, want, got)
			}
		})
	}
}

// FuzzNotifications feeds a parser with what begins as the notifications of a folder
// and of more: it returns events that say enough, or an error of KindInvalidArgument
// and none.
func FuzzNotifications(f *testing.F, parser driver.EventParser, folder string, more ...[]byte) {
	for _, payload := range payloads(f, folder) {
		f.Add(payload)
	}
	for _, payload := range more {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, err := parser.ParseEvents(context.Background(), payload)
		if err != nil && (driver.KindOf(err) != driver.KindInvalidArgument || len(events) > 0) {
			t.Errorf("ParseEvents = %v, %v (%s)", events, err, driver.KindOf(err))
		}
		checkEvents(t, events)
	})
}

// checkEvents reports events that say too little, or too much.
func checkEvents(t *testing.T, events []driver.Event) {
	t.Helper()
	for _, event := range events {
		if !toldEnough(event) {
			t.Errorf("an event has a kind, a bucket and a key, or else a problem and no kind: %+v", event)
		}
	}
}

// toldEnough reports whether an event says what the contract wants.
func toldEnough(event driver.Event) bool {
	if event.Problem != "" {
		return event.Kind == 0
	}
	return event.Kind.String() != "unknown" && event.Bucket != "" && event.Key != ""
}

// payloads returns the notifications of a folder by the names of their files.
func payloads(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, entry := range entries {
		if entry.IsDir() || filepath.Ext(entry.Name()) == ".md" {
			continue
		}
		payload, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = payload
	}
	if len(found) == 0 {
		t.Fatalf("there is no notification in %s", folder)
	}
	return found
}

// listed returns events as a file of the folder "want" holds them.
func listed(t *testing.T, events []driver.Event) []byte {
	t.Helper()
	list := []told{}
	for _, e := range events {
		line := told{
			Kind: e.Kind.String(), Name: e.Name, Bucket: e.Bucket, Key: e.Key, VersionID: e.VersionID, Size: e.Size,
			ETag: e.ETag, Sequencer: e.Sequencer, Problem: e.Problem,
		}
		if e.Kind == 0 {
			line.Kind = ""
		}
		if !e.Time.IsZero() {
			line.Time = &e.Time
		}
		list = append(list, line)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(list); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
