package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestUploadHasTheAttributesOfNow: an upload of an earlier run is not gone on with once the
// same bytes were written again with other attributes, also where ETag and time are the same,
// or no time is told. Where the time tells that nothing was, the source is not asked for it.
func TestUploadHasTheAttributesOfNow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		killed   bool // the upload is completed, and the run killed before it hears so; else it stays open
		inside   bool
		age      time.Duration // of the object when its upload is begun
		timeless bool          // its listing tells no time
		edition  int           // that is written again; 0 for none
		later    time.Duration
		again    bool // its parts are sent again
		gets     int  // of the second run, where it goes on
	}{
		"the same second":                   {edition: 2, again: true},
		"the same second, joined":           {killed: true, edition: 2, again: true},
		"the same second, inside":           {inside: true, edition: 2, again: true},
		"the same second, inside, joined":   {killed: true, inside: true, edition: 2, again: true},
		"as it was":                         {gets: 1},
		"as it was, inside":                 {inside: true},
		"written again as it was":           {edition: 1, gets: 1},
		"no times are told":                 {age: time.Hour, timeless: true, edition: 2, later: time.Minute, again: true},
		"no times are told, as it was":      {age: time.Hour, timeless: true, gets: 1},
		"its second was over, as it was":    {age: time.Hour},
		"its second was over, and it was":   {age: time.Hour, edition: 2, later: time.Minute, again: true},
		"our clock may be wrong, as it was": {age: 20 * time.Minute, gets: 1},
	} {
		for _, tags := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", with tags"}[tags], func(t *testing.T) {
				t.Parallel()
				w, left, size := newWorld(t), "", 5*minPart
				clock := &dial{at: time.Now().Truncate(time.Second).Add(-test.age)}
				w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
				if test.inside {
					w.insideOf()
					size = 20 << 20
				}
				w.settings.Tags = tags
				w.atSource = func(s store) driver.Bucket {
					return tagsBetween{store: s, before: func() {}, after: func() {}, timeless: test.timeless}
				}
				w.put("x", content(size, 1), edition(1))
				clock.turn(test.age)
				if test.killed {
					w.snapshotAt("CompleteUpload", 1, &left)
				} else {
					w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Effect: memdriver.Fail(503, "SlowDown")})
				}
				if _, err := w.trySync(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.destination.Heal()
				if left != "" {
					w.state = left
				}
				clock.turn(test.later)
				if test.edition > 0 {
					w.put("x", content(size, 1), edition(test.edition))
				}
				created, gets := w.destination.Count("CreateUpload"), w.source.Count("Get")
				if report := w.sync(); report.Objects.Copied != 1 {
					t.Errorf("copied %d, want 1", report.Objects.Copied)
				}
				w.same()
				got, err := w.destination.Tags("dst", "x")
				want, _ := w.source.Tags("src", "x")
				if err != nil || tags != slices.Equal(got, want) {
					t.Errorf("tags %v of %v, %v", got, want, err)
				}
				if n := w.destination.Count("CreateUpload") - created; (n > 0) != test.again {
					t.Errorf("%d uploads were created; begun anew: want %t", n, test.again)
				}
				if n := w.source.Count("Get") - gets; !test.again && n != test.gets {
					t.Errorf("the source was read %d times, want %d", n, test.gets)
				}
			})
		}
	}
}

// TestUploadIsGoneOnWithoutWhatIsLost: a run that does not know yet what the destination drops
// goes on with an upload that was begun without it by one that did.
func TestUploadIsGoneOnWithoutWhatIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.Unmappable, w.settings.Transfers, w.atTarget = job.UnmappableDrop, 1, dropsCacheControl
	with := driver.Attributes{CacheControl: "no-cache"}
	w.put("a", content(10, 1), with) // tells the first run
	w.put("big", content(5*minPart, 1), with)
	w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Effect: memdriver.Fail(503, "SlowDown")})
	w.fails()
	w.destination.Heal()
	created, parts := w.destination.Count("CreateUpload"), w.destination.Count("Part")
	if report := w.sync(); report.Objects.Adapted != 1 {
		t.Errorf("%+v", report.Objects)
	}
	if w.destination.Count("CreateUpload") != created || w.destination.Count("Part") != parts {
		t.Errorf("begun anew: %d uploads and %d parts, before %d and %d",
			w.destination.Count("CreateUpload"), w.destination.Count("Part"), created, parts)
	}
}
