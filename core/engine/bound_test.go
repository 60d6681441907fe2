package engine_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// listedAs is a source that tells the ETags of its objects otherwise in listings and looks
// than with the bytes, and no checksums.
type listedAs struct {
	governed
	etag func(string) string
}

func (l listedAs) List(ctx context.Context, r driver.ListRequest) (driver.ListPage, error) {
	page, err := l.governed.List(ctx, r)
	for i := range page.Objects {
		page.Objects[i].ETag = l.etag(page.Objects[i].ETag)
	}
	return page, err
}

func (l listedAs) Stat(ctx context.Context, r driver.StatRequest) (driver.Object, error) {
	object, err := l.governed.Stat(ctx, r)
	object.ETag, object.Checksums = l.etag(object.ETag), nil
	return object, err
}

// listed wraps a source whose listing tells these ETags.
func listed(etag func(string) string) wrapping {
	return func(b store) driver.Bucket { return listedAs{governed{b, noChecksums}, etag} }
}

func none(string) string           { return "" }
func weak(string) string           { return "W/same" } // that of all versions alike
func sameETag(etag string) string  { return etag }
func noETag(header http.Header)    { header.Del("Etag") }
func weakETag(header http.Header)  { header.Set("Etag", `W/"same"`) }
func noVersion(header http.Header) { header.Del("Etag"); header.Del("Last-Modified") }

// dial is a clock that stands still until it is turned.
type dial struct {
	mu sync.Mutex
	at time.Time
}

func (d *dial) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *dial) turn(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

// TestPartsAreOfOneVersion rewrites an object while its parts are read, at sources that tell
// more or less of its version. What arrives is one version, whole.
func TestPartsAreOfOneVersion(t *testing.T) {
	t.Parallel()
	const size = 20 * minPart
	unchanged := func(http.Header) {}
	tests := map[string]struct {
		listed  func(string) string
		header  func(http.Header) // of every answer
		later   time.Duration     // of the second version
		changed func(http.Header) // of every answer from the tenth on, in the place of another version
		whole   bool              // it goes in one piece
	}{
		"ETags are not listed":                           {listed: none, header: unchanged, later: time.Minute},
		"ETags are not listed, the same second":          {listed: none, header: unchanged},
		"no ETags":                                       {listed: none, header: noETag, later: time.Minute},
		"no ETags, the same second":                      {listed: none, header: noETag, whole: true},
		"weak ETags":                                     {listed: weak, header: weakETag, later: time.Minute},
		"weak ETags that are not listed":                 {listed: none, header: weakETag, later: time.Minute},
		"weak ETags that are not listed, in one second":  {listed: none, header: weakETag, whole: true},
		"nothing at all":                                 {listed: none, header: noVersion, later: time.Minute, whole: true},
		"an ETag goes missing":                           {listed: none, header: unchanged, changed: noETag},
		"an ETag becomes weak":                           {listed: none, header: unchanged, changed: weakETag},
		"the encoding changes":                           {listed: sameETag, header: unchanged, changed: func(h http.Header) { h.Set("Content-Encoding", "gzip") }},
		"the encoding changes where no ETags are listed": {listed: none, header: unchanged, changed: func(h http.Header) { h.Set("Content-Encoding", "gzip") }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			now := time.Now().Add(-time.Hour).Truncate(time.Second)
			written := now
			if test.later > 0 {
				now = now.Add(time.Second) // the second of the first version is over
			}
			clock := &dial{at: written}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			versions := [][]byte{content(size, 1), content(size, 2)}
			w.put("big", versions[0], driver.Attributes{})
			clock.turn(now.Sub(written))
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: onHeader(test.header)})
			if test.changed != nil {
				w.source.Inject(memdriver.Fault{Call: "Get", First: 10, Times: 1, Effect: onHeader(test.changed)})
			} else {
				w.source.Inject(memdriver.Fault{Call: "Get", First: 10, Times: 1, Effect: memdriver.Do(func() {
					clock.turn(test.later)
					w.put("big", versions[1], driver.Attributes{})
				})})
			}
			report, err := w.syncBetween(t.Context(), listed(test.listed), nil)
			mustRun(t, report, err)
			_, got, err := w.destination.Get("dst", "big")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
				t.Error("the destination has parts of two versions")
			}
			if parts := w.destination.Count("Part"); test.whole != (parts == 0) {
				t.Errorf("%d parts were sent; in one piece: want %t", parts, test.whole)
			}
			if !test.whole && report.Objects.Replanned == 0 {
				t.Error("the report does not say that the object was planned again")
			}
			w.noUploads()
		})
	}
}

// TestUnboundObjectThatIsTooLarge: where nothing binds the parts and one request does not
// take the object, it is not copied, and the report says why.
func TestUnboundObjectThatIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(20*minPart, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", Effect: onHeader(noVersion)})
	report, err := w.syncBetween(t.Context(), listed(none), ruled(func(s *driver.Session) { s.Limits.MaxPut = 10 * minPart }))
	if err != nil || report.Objects.Skipped != 1 || len(w.destination.Keys("dst")) != 0 {
		t.Fatalf("skipped %d, %v, destination %q", report.Objects.Skipped, err, w.destination.Keys("dst"))
	}
	if text := report.Problems[0].Error; !strings.Contains(text, `source: bucket "src"`) || !strings.Contains(text, "all parts are of one version") {
		t.Errorf("error %q", text)
	}
	w.noUploads()
}

// TestResumedPartsAreOfOneVersion goes on with an upload of a source that lists no ETags: the
// parts that are there are of use only while the object is the same.
func TestResumedPartsAreOfOneVersion(t *testing.T) {
	t.Parallel()
	const size = 20 * minPart
	for name, test := range map[string]struct {
		header  func(http.Header)
		rewrite func(w *world, clock *dial)
		resumes bool
	}{
		"as it was":                    {func(http.Header) {}, func(*world, *dial) {}, true},
		"as it was, no ETags":          {noETag, func(*world, *dial) {}, true},
		"rewritten in the same second": {func(http.Header) {}, func(w *world, _ *dial) { w.put("big", content(size, 2), driver.Attributes{}) }, false},
		"rewritten later": {noETag, func(w *world, clock *dial) {
			clock.turn(time.Minute)
			w.put("big", content(size, 2), driver.Attributes{})
			clock.turn(time.Minute)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			w.put("big", content(size, 1), driver.Attributes{})
			if name != "rewritten in the same second" {
				clock.turn(2 * time.Second)
			}
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: onHeader(test.header)})
			w.interrupted(13, listed(none), nil)
			test.rewrite(w, clock)
			_, want, err := w.source.Get("src", "big")
			if err != nil {
				t.Fatal(err)
			}
			sent := w.destination.Count("Part")
			report, err := w.syncBetween(t.Context(), listed(none), nil)
			mustRun(t, report, err)
			w.arrived("big", want)
			if resumed := w.destination.Count("Part")-sent < 20; resumed != test.resumes {
				t.Errorf("%d parts were sent again; gone on with: want %t", w.destination.Count("Part")-sent, test.resumes)
			}
			w.noUploads()
		})
	}
}

// TestAttributesOfAResumedUpload: an object whose attributes were replaced in place keeps
// its ETag at most stores. The upload of before has the old ones.
func TestAttributesOfAResumedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := &dial{at: time.Now().Add(-time.Hour)}
	w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
	w.put("big", content(20*minPart, 1), driver.Attributes{ContentType: "old/type"})
	w.interrupted(13, nil, nil)
	clock.turn(time.Minute)
	w.put("big", content(20*minPart, 1), driver.Attributes{ContentType: "new/type"})
	w.sync()
	w.same()
}

// TestUploadWithAllPartsOfAnotherVersion: no part is read any more that would tell, so the
// source is asked.
func TestUploadWithAllPartsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for name, rewritten := range map[string]bool{"as it was": false, "rewritten in the same second": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			want := content(20*minPart, 1)
			w.put("big", want, driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Effect: memdriver.Fail(500, "InternalError")})
			report, err := w.syncBetween(t.Context(), listed(none), nil)
			if err != nil || report.Objects.Failed != 1 || len(w.destination.Uploads("dst")) != 1 {
				t.Fatalf("failed %d, %v, want 1 and its upload", report.Objects.Failed, err)
			}
			w.destination.Heal()
			if rewritten {
				want = content(20*minPart, 2)
				w.put("big", want, driver.Attributes{})
			}
			sent := w.destination.Count("Part")
			report, err = w.syncBetween(t.Context(), listed(none), nil)
			mustRun(t, report, err)
			w.arrived("big", want)
			if again := w.destination.Count("Part") > sent; again != rewritten {
				t.Errorf("parts were sent again: %t, want %t", again, rewritten)
			}
			w.noUploads()
		})
	}
}

// TestFinishedUploadOfAnotherVersion: Complete was done and no answer or look told so. Where the
// source was rewritten in the same second since, the object that is there is not its copy.
func TestFinishedUploadOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for name, rewritten := range map[string]bool{"as it was": false, "rewritten in the same second": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			want := content(20*minPart, 1)
			w.put("big", want, driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Do(func() {
				w.destination.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(500, "InternalError")})
			})})
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Effect: memdriver.LoseAnswer()})
			report, err := w.syncBetween(t.Context(), listed(none), nil)
			if err != nil || report.Objects.Failed != 1 {
				t.Fatalf("failed %d, %v, want 1", report.Objects.Failed, err)
			}
			w.destination.Heal()
			if rewritten {
				want = content(20*minPart, 2)
				w.put("big", want, driver.Attributes{})
			}
			sent := w.destination.Count("Part")
			report, err = w.syncBetween(t.Context(), listed(none), nil)
			mustRun(t, report, err)
			w.arrived("big", want)
			if again := w.destination.Count("Part") > sent; again != rewritten {
				t.Errorf("parts were sent again: %t, want %t", again, rewritten)
			}
			w.noUploads()
		})
	}
}
