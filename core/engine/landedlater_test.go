package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// onlyETags is a destination that states nothing of any bytes, where only ETags tell.
func onlyETags(s store) driver.Bucket { return mute{governed{s, noChecksums}} }

// lapsed ends all open uploads of the destination, as a rule of the bucket may.
func (w *world) lapsed() {
	w.t.Helper()
	bucket, able := w.open(w.destination.Endpoint(), "dst").(store)
	if !able {
		w.t.Fatal("the reference store takes no uploads")
	}
	defer bucket.Close()
	for _, open := range w.destination.Uploads("dst") {
		if err := bucket.AbortUpload(w.t.Context(), open.UploadRef); err != nil {
			w.t.Fatal(err)
		}
	}
}

// anotherWrites has another program write an object of the same size.
func (w *world) anotherWrites() {
	w.t.Helper()
	if _, err := w.destination.Put("dst", "big", content(5*minPart, 9), driver.Attributes{ContentType: "another/type"}); err != nil {
		w.t.Fatal(err)
	}
}

// snapshotAt takes the state as a process leaves it that is killed at such a request.
func (w *world) snapshotAt(call string, number int, left *string) {
	w.destination.Inject(memdriver.Fault{Call: call, First: number, Times: 1, Effect: memdriver.Do(func() { *left = w.snapshot() })})
}

// TestLaterRunKnowsItsObject: a run takes an object for what an earlier one joined only by the
// ETag that the store answered then. What is at the key else may be anybody's.
func TestLaterRunKnowsItsObject(t *testing.T) {
	t.Parallel()
	unavailable := memdriver.Fail(503, "SlowDown")
	never := func(w *world, _ *string) {
		w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Effect: unavailable})
	}
	unseen := func(w *world, _ *string) { // the first look is before the upload
		w.destination.Inject(memdriver.Fault{Call: "Stat", First: 2, Effect: unavailable})
	}
	for name, test := range map[string]struct {
		first   func(w *world, left *string) // makes the first run fail, or fills left with the state of a killed one
		between func(w *world)
		again   bool // the parts are sent again
	}{
		"never joined, another's is there": {never, func(w *world) { w.lapsed(); w.anotherWrites() }, true},
		"open still, another's is there, the answer unclear": {never, func(w *world) {
			w.anotherWrites()
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: unavailable})
		}, false},
		"joined and not seen":            {unseen, func(*world) {}, false},
		"joined and not seen, rewritten": {unseen, (*world).anotherWrites, true},
		"killed before the join":         {func(w *world, left *string) { w.snapshotAt("CompleteUpload", 1, left) }, func(*world) {}, true},
		"killed after the join":          {func(w *world, left *string) { w.snapshotAt("Stat", 2, left) }, func(*world) {}, false},
		"killed after the join, rewritten": {func(w *world, left *string) { w.snapshotAt("Stat", 2, left) },
			(*world).anotherWrites, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, left := newWorld(t), ""
			w.atTarget = onlyETags
			w.put("big", content(5*minPart, 1), driver.Attributes{ContentType: "text/plain"})
			test.first(w, &left)
			report, err := w.trySync(t.Context())
			if left != "" {
				w.state = left
			} else if err != nil || report.Objects.Failed != 1 {
				t.Fatalf("%+v, %v, want a failure", report.Objects, err)
			}
			w.destination.Heal()
			test.between(w)
			sent := w.destination.Count("Part")
			if report := w.sync(); report.Objects.Copied != 1 {
				t.Errorf("copied %d, want 1", report.Objects.Copied)
			}
			w.same()
			if n := w.destination.Count("Part") - sent; (n > 0) != test.again {
				t.Errorf("%d parts were sent again; want some: %t", n, test.again)
			}
		})
	}
}

// fraud joins other bytes than it was sent, and answers the ETag of the right ones.
type fraud struct {
	mute
	server *memdriver.Server
}

func (f fraud) CompleteUpload(ctx context.Context, r driver.CompleteUploadRequest) (driver.Object, error) {
	object, err := f.mute.CompleteUpload(ctx, r)
	if err == nil {
		_, err = f.server.Put("dst", r.Upload.Key, content(int(r.Size), 9), r.Attributes)
	}
	return object, err
}

// TestContradictedJoinIsOfNoUse: where the store shows another object than it said that it
// joined, no run takes what is there, nor goes on with the upload.
func TestContradictedJoinIsOfNoUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(5*minPart, 1), driver.Attributes{})
	w.atTarget = func(s store) driver.Bucket { return fraud{mute{governed{s, noChecksums}}, w.destination} }
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != 1 {
		t.Fatalf("%+v, %v, want a failure", report.Objects, err)
	}
	if text := report.Problems[0].Error; strings.Contains(text, "next run") {
		t.Errorf("error %q, and the next run has nothing to go on with", text)
	}
	w.atTarget = onlyETags
	created := w.destination.Count("CreateUpload")
	w.sync()
	w.same()
	if n := w.destination.Count("CreateUpload") - created; n != 1 {
		t.Errorf("%d uploads were created, want a new one", n)
	}
}
