package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// follow has a worker follow events of the source, one message each.
func (f *fleetWorld) follow(kind driver.EventKind, keys ...string) {
	f.t.Helper()
	giants := f.adjust
	notifications := map[string][]driver.Event{}
	for _, key := range keys {
		notifications[key] = []driver.Event{{Kind: kind, Bucket: "src", Key: key, Size: 10, Sequencer: "01"}}
	}
	f.events(notifications)
	follows := f.adjust
	f.adjust = func(fleet *engine.Fleet) {
		follows(fleet)
		fleet.MaxDelete = 100
		if giants != nil {
			giants(fleet)
		}
	}
	for _, key := range keys {
		f.queue.deliver(&parcelOf{foreign: []byte(key)})
	}
	f.serve()
}

// TestEventsDoNotCopyOneBucketOntoItself: each copy would replace an object of the source,
// and lead to the next one. One object of dth's own is written for all events.
func TestEventsDoNotCopyOneBucketOntoItself(t *testing.T) {
	t.Parallel()
	for name, giants := range map[string]bool{"objects": false, "giant objects": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.destination, f.rules = f.source, renamed
			f.to = "mem://src/a/"
			size := 10
			if giants {
				f.giants()
				size = giantSize
			}
			for i, key := range []string{"k", "l", "a/k"} {
				f.put(key, content(size, byte(i)), driver.Attributes{ContentType: "text/x"})
			}
			before, writes := f.holdings(), f.source.Count("Put")
			f.follow(driver.EventCreated, "k", "l")
			if diff := cmp.Diff(before, f.holdings()); diff != "" {
				t.Errorf("the source (-before +after):\n%s", diff)
			}
			if got := f.source.Count("Put") - writes; got != 1 || f.source.Count("CreateUpload") > 0 {
				t.Errorf("%d PUTs, %d uploads, want one PUT of dth's own", got, f.source.Count("CreateUpload"))
			}
			letters := f.queue.letters()
			for _, letter := range letters {
				if !strings.Contains(letter.Reason, "are one bucket under two names") || !strings.Contains(letter.Reason, "choose") {
					t.Errorf("letter %q", letter.Reason)
				}
			}
			if r := f.journal.record("k"); len(letters) != 2 || r.Outcome != journal.OutcomeFailed {
				t.Errorf("%d letters, record %s", len(letters), r.Outcome)
			}
		})
	}
}

// TestEventsDoNotDeleteInOneBucket: what is found out of one deletion holds for the next.
func TestEventsDoNotDeleteInOneBucket(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.destination, f.rules, f.aliased = f.source, renamed, "src"
	f.to = "mem://alias/a/"
	for _, key := range []string{"a/k", "a/l"} {
		f.put(key, content(10, 1), driver.Attributes{})
	}
	before, writes := f.holdings(), f.source.Count("Put")
	f.follow(driver.EventDeleted, "k", "l")
	if diff := cmp.Diff(before, f.holdings()); diff != "" {
		t.Errorf("the source (-before +after):\n%s", diff)
	}
	if got := f.source.Count("Put") - writes; got != 1 || len(f.queue.letters()) != 2 {
		t.Errorf("%d PUTs, %d letters, want one PUT of dth's own", got, len(f.queue.letters()))
	}
}

// TestEventsOfNamesakesAreCopied with one object of dth's own at most, also by who may not
// find out that the buckets are two. While a store is away, nothing is copied.
func TestEventsOfNamesakesAreCopied(t *testing.T) {
	t.Parallel()
	denied, away := memdriver.Fail(403, "AccessDenied"), memdriver.Fail(503, "ServiceUnavailable")
	for name, test := range map[string]struct {
		to          string
		fault       *memdriver.Fault // of the source
		own, copied int
	}{
		"by a key":            {"", nil, 0, 2},
		"below a prefix":      {"/backup/", nil, 1, 2},
		"it cannot be listed": {"/backup/", &memdriver.Fault{Call: "List", Effect: denied}, 1, 2},
		"the store is away":   {"/backup/", &memdriver.Fault{Call: "List", Effect: away}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.destination, f.rules = startServer(t, "src"), renamed
			f.to = "mem://src" + test.to
			for _, key := range []string{"a", "b"} {
				f.put(key, content(10, 1), driver.Attributes{})
			}
			if test.fault != nil {
				f.source.Inject(*test.fault)
			}
			f.follow(driver.EventCreated, "a", "b")
			if keys := f.destination.Keys("src"); len(keys) != test.copied {
				t.Errorf("destination %q, want %d objects", keys, test.copied)
			}
			if got := f.destination.Count("Put"); got != test.copied+test.own {
				t.Errorf("%d PUTs, want those of %d objects and %d of dth's own", got, test.copied, test.own)
			}
		})
	}
}
