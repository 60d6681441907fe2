package event

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// told is a parser that returns the same for every message.
type told struct {
	events []driver.Event
	err    error
}

func (p told) ParseEvents(context.Context, []byte) ([]driver.Event, error) { return p.events, p.err }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func created(key, sequencer string) driver.Event {
	return driver.Event{
		Kind: driver.EventCreated, Name: "put", Bucket: "photos", Key: key, Size: 10, ETag: "e" + sequencer,
		VersionID: "v" + sequencer, Sequencer: sequencer, Time: noon,
	}
}

func deleted(key, sequencer string) driver.Event {
	return driver.Event{
		Kind: driver.EventDeleted, Name: "delete", Bucket: "photos", Key: key, ETag: "e", VersionID: "marker", Sequencer: sequencer, Time: noon,
	}
}

func restored(key string) driver.Event {
	return driver.Event{Kind: driver.EventRestored, Name: "restored", Bucket: "photos", Key: key, Size: 10, Sequencer: "9", Time: noon}
}

// with returns the event changed.
func with(event driver.Event, change func(*driver.Event)) driver.Event {
	change(&event)
	return event
}

func TestRead(t *testing.T) {
	t.Parallel()
	write := func(key, sequencer string, events int) Change {
		return Change{Key: key, Sequencer: Pad(sequencer), Size: 10, ETag: "e" + sequencer, VersionID: "v" + sequencer, Time: noon, Events: events}
	}
	remove := func(key, sequencer string, size int64, events int) Change {
		return Change{Key: key, Delete: true, Sequencer: Pad(sequencer), Size: size, Time: noon, Events: events}
	}
	look := func(key string, events int) Change { return Change{Key: key, Size: 10, Time: noon, Events: events} }
	cases := map[string]struct {
		events []driver.Event
		want   Reading
	}{
		"nothing": {nil, Reading{}},
		"one":     {[]driver.Event{created("2026/a", "5")}, Reading{Changes: []Change{write("2026/a", "5", 1)}, Events: 1}},
		"several keys, in the order of the message": {
			[]driver.Event{created("2026/b", "5"), created("2026/a", "4"), deleted("2026/c", "3"), created("2026/b", "6")},
			Reading{Changes: []Change{write("2026/b", "6", 2), write("2026/a", "4", 1), remove("2026/c", "3", 0, 1)}, Events: 4},
		},
		"another bucket": {
			[]driver.Event{with(created("2026/a", "5"), func(e *driver.Event) { e.Bucket = "photos-old" }), created("2026/b", "5")},
			Reading{Changes: []Change{write("2026/b", "5", 1)}, Events: 2, Foreign: 1},
		},
		"another prefix": {[]driver.Event{created("2025/a", "5"), deleted("202", "5")}, Reading{Events: 2, Foreign: 2}},
		"the same twice": {[]driver.Event{created("2026/a", "5"), created("2026/a", "5")}, Reading{Changes: []Change{write("2026/a", "5", 2)}, Events: 2}},
		"deleted, then late creations": {
			[]driver.Event{deleted("2026/a", "62"), created("2026/a", "55AED6"), created("2026/a", "55AED5")},
			Reading{Changes: []Change{remove("2026/a", "62", 10, 3)}, Events: 3},
		},
		"no order":                  {[]driver.Event{created("2026/a", "")}, Reading{Changes: []Change{look("2026/a", 1)}, Events: 1}},
		"no order, and a deletion":  {[]driver.Event{deleted("2026/a", ""), created("2026/a", "")}, Reading{Changes: []Change{remove("2026/a", "", 10, 2)}, Events: 2}},
		"no order of one of three":  {[]driver.Event{created("2026/a", "7"), deleted("2026/a", ""), created("2026/a", "8")}, Reading{Changes: []Change{remove("2026/a", "", 10, 3)}, Events: 3}},
		"no order of one creation":  {[]driver.Event{created("2026/a", "7"), created("2026/a", ""), created("2026/a", "8")}, Reading{Changes: []Change{look("2026/a", 3)}, Events: 3}},
		"order that says nothing":   {[]driver.Event{created("2026/a", "0"), deleted("2026/a", "0")}, Reading{Changes: []Change{remove("2026/a", "", 10, 2)}, Events: 2}},
		"the same place in order":   {[]driver.Event{created("2026/a", "5"), deleted("2026/a", "50")}, Reading{Changes: []Change{remove("2026/a", "", 10, 2)}, Events: 2}},
		"the same place, overtaken": {[]driver.Event{created("2026/a", "5"), deleted("2026/a", "50"), created("2026/a", "6")}, Reading{Changes: []Change{write("2026/a", "6", 3)}, Events: 3}},
		"restored":                  {[]driver.Event{restored("2026/a")}, Reading{Changes: []Change{look("2026/a", 1)}, Events: 1}},
		"restored between":          {[]driver.Event{created("2026/a", "8"), restored("2026/a")}, Reading{Changes: []Change{look("2026/a", 2)}, Events: 2}},
		"the largest size and the latest time": {
			[]driver.Event{
				with(created("2026/a", "6"), func(e *driver.Event) { e.Size = 3 }),
				with(created("2026/a", "5"), func(e *driver.Event) { e.Size, e.Time = 4, noon.Add(time.Second) }),
			},
			Reading{Changes: []Change{{Key: "2026/a", Sequencer: Pad("6"), Size: 4, ETag: "e6", VersionID: "v6", Time: noon.Add(time.Second), Events: 2}}, Events: 2},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader := Reader{Parser: told{events: test.events}, Bucket: "photos", Prefix: "2026/", Mode: CreateAndDelete}
			got, err := reader.Read(t.Context(), []byte("{}"))
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("Read: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		events  []driver.Event
		changes int
		kept    int
	}{
		"created":                       {[]driver.Event{created("a", "5")}, 1, 0},
		"deleted":                       {[]driver.Event{deleted("a", "5")}, 0, 1},
		"deleted in no order":           {[]driver.Event{deleted("a", ""), deleted("a", "")}, 0, 2},
		"created, then deleted":         {[]driver.Event{created("a", "5"), deleted("a", "6")}, 1, 0},
		"deleted, then created":         {[]driver.Event{created("a", "6"), deleted("a", "5")}, 1, 0},
		"created, deleted, in no order": {[]driver.Event{created("a", ""), deleted("a", "")}, 1, 0},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []Mode{0, Create} {
				reader := Reader{Parser: told{events: test.events}, Bucket: "photos", Mode: mode}
				got, err := reader.Read(t.Context(), nil)
				if err != nil || len(got.Changes) != test.changes || got.Kept != test.kept {
					t.Errorf("mode %v: %+v, %v, want %d changes and %d kept", mode, got, err, test.changes, test.kept)
				}
				for _, change := range got.Changes {
					if change.Delete || change.Events != len(test.events) {
						t.Errorf("mode %v: %+v", mode, change)
					}
				}
			}
		})
	}
}

// TestDeletionHidesNoWrite where deletions are not followed: it may be of an older version.
func TestDeletionHidesNoWrite(t *testing.T) {
	t.Parallel()
	old := with(deleted("a", "7"), func(e *driver.Event) { e.VersionID = "v4" })
	reader := Reader{Parser: told{events: []driver.Event{created("a", "5"), old, created("a", "6"), deleted("a", "")}}, Bucket: "photos", Mode: Create}
	got, err := reader.Read(t.Context(), nil)
	want := []Change{{Key: "a", Sequencer: Pad("6"), Size: 10, ETag: "e6", VersionID: "v6", Time: noon, Events: 4}}
	if diff := cmp.Diff(want, got.Changes); err != nil || diff != "" {
		t.Errorf("Read: %v (-want +got):\n%s", err, diff)
	}
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Create, CreateAndDelete} {
		if got, err := ParseMode(mode.String()); got != mode || err != nil {
			t.Errorf("ParseMode(%q) = %v, %v", mode, got, err)
		}
	}
	for _, name := range []string{"", "No", "unknown", "create", "Delete"} {
		if got, err := ParseMode(name); err == nil || !strings.Contains(err.Error(), "CreateAndDelete") {
			t.Errorf("ParseMode(%q) = %v, %v, want an error that names the modes", name, got, err)
		}
	}
}

// TestPredecessorD9MultiRecordEvent: a message of more than one record was skipped, and
// as it was never deleted either it came back until it was dead.
// Shown to fail: let Read take events[:1].
func TestPredecessorD9MultiRecordEvent(t *testing.T) {
	t.Parallel()
	reader := Reader{Parser: told{events: []driver.Event{created("a", "1"), deleted("b", "2"), created("c", "3")}}, Bucket: "photos", Mode: CreateAndDelete}
	got, err := reader.Read(t.Context(), nil)
	if err != nil || len(got.Changes) != 3 {
		t.Errorf("three records are %+v, %v", got, err)
	}
}

// TestProblems proves that a record that cannot be read hinders no other.
func TestProblems(t *testing.T) {
	t.Parallel()
	events := []driver.Event{
		created("a", "5"),
		{Name: "put", Bucket: "photos", Key: "b", Problem: "size is\na text"},
		{Problem: strings.Repeat("é", maxReason)},
		with(created("c", "5"), func(e *driver.Event) { e.Bucket = "" }),
		with(created("c", "5"), func(e *driver.Event) { e.Key = "" }),
		with(created("c", "5"), func(e *driver.Event) { e.Kind = 7 }),
		{Name: "put", Bucket: "other", Problem: "not ours"},
		created("d", "5"),
	}
	reader := Reader{Parser: told{events: events}, Bucket: "photos", Mode: Create}
	got, err := reader.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Problem{
		{Name: "put", Bucket: "photos", Key: "b", Reason: "size is\uFFFDa text"},
		{Reason: strings.Repeat("é", maxReason/2)},
		{Name: "put", Key: "c", Reason: "the event names no bucket or no key"},
		{Name: "put", Bucket: "photos", Reason: "the event names no bucket or no key"},
		{Name: "put", Bucket: "photos", Key: "c", Reason: "the plugin tells of an event of kind 7, which this version of dth does not know: use a newer one"},
	}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if len(got.Changes) != 2 || got.Changes[0].Key != "a" || got.Changes[1].Key != "d" || got.Foreign != 1 || got.Events != len(events) {
		t.Errorf("beside the problems Read tells %+v", got)
	}
}

// TestProblemOfUnknownKey proves that what names no key is nobody else's.
func TestProblemOfUnknownKey(t *testing.T) {
	t.Parallel()
	reader := Reader{Parser: told{events: []driver.Event{{Problem: "no JSON"}}}, Bucket: "photos", Prefix: "2026/"}
	if got, err := reader.Read(t.Context(), nil); err != nil || len(got.Problems) != 1 || got.Foreign != 0 {
		t.Errorf("Read = %+v, %v, want one problem", got, err)
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	refused := &driver.Error{Op: "ParseEvents", Kind: driver.KindInvalidArgument, Err: errors.New("it is\x00of another store")}
	cases := map[string]struct {
		parser told
		body   string
		want   string // in the reason
		err    error
	}{
		"too large":  {told{events: []driver.Event{created("a", "5")}}, strings.Repeat(" ", MaxBody+1), "more than the 1048576", nil},
		"no text":    {told{events: []driver.Event{created("a", "5")}}, "\xff", "UTF-8", nil},
		"refused":    {told{err: refused}, "hello", "it is\uFFFDof another store", refused},
		"no parser":  {told{err: &driver.Error{Op: "ParseEvents", Kind: driver.KindUnsupported}}, "hello", "ParseEvents", nil},
		"just right": {told{err: refused}, strings.Repeat(" ", MaxBody), "another store", refused},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader := Reader{Parser: test.parser, Bucket: "photos"}
			got, err := reader.Read(t.Context(), []byte(test.body))
			var unreadable *Unreadable
			if !errors.As(err, &unreadable) || !strings.Contains(unreadable.Reason, test.want) || !strings.Contains(err.Error(), unreadable.Reason) {
				t.Fatalf("Read = %+v, %v, want *Unreadable and %q", got, err, test.want)
			}
			if test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("Read = %v, which does not wrap %v", err, test.err)
			}
		})
	}
}

// TestPluginFailureIsNoReason proves that a message is not given up because a plugin
// has crashed or a worker ends.
func TestPluginFailureIsNoReason(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{&driver.Error{Op: "ParseEvents", Kind: driver.KindUnavailable}, context.Canceled, errors.New("a bug")} {
		reader := Reader{Parser: told{err: cause}, Bucket: "photos"}
		_, err := reader.Read(t.Context(), nil)
		var unreadable *Unreadable
		if !errors.Is(err, cause) || errors.As(err, &unreadable) {
			t.Errorf("Read = %v, want %v, and no *Unreadable", err, cause)
		}
	}
}
