package engine_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestUnclearCompletion has the destination answer Complete so that the answer does not tell
// what happened, where an object of the same size was there before. What is told as copied
// is there; whose clock is how wrong does not matter.
func TestUnclearCompletion(t *testing.T) {
	t.Parallel()
	const size = 5 * minPart
	failed, lost := memdriver.Fail(500, "InternalError"), memdriver.LoseAnswer()
	tests := map[string]struct {
		answer   memdriver.Effect
		times    int
		ahead    time.Duration // of the store's clock
		rules    func(*driver.Session)
		old, new byte // seeds of the bytes
		parts    int  // sent by the second run, at most; 0 for any number
	}{
		"nothing was done":                            {failed, 1, 0, noChecksums, 1, 2, 5},
		"nothing was done, our clock is slow":         {failed, 1, time.Minute, noChecksums, 1, 2, 5},
		"nothing was done, our clock is fast":         {failed, 1, -time.Minute, noChecksums, 1, 2, 5},
		"nothing was done, twice":                     {failed, 2, time.Minute, noChecksums, 1, 2, 5},
		"the answer was lost":                         {lost, 1, 0, noChecksums, 1, 2, 5},
		"the answer was lost, our clock is fast":      {lost, 1, -time.Minute, noChecksums, 1, 2, 5},
		"the same bytes, nothing was done":            {failed, 1, time.Minute, noChecksums, 1, 1, 5},
		"the same bytes, the answer was lost":         {lost, 1, 0, noChecksums, 1, 1, 0},
		"checksums":                                   {failed, 1, time.Minute, nil, 1, 2, 5},
		"checksums, the answer was lost":              {lost, 1, 0, nil, 1, 2, 5},
		"checksums, the same bytes":                   {failed, 1, time.Minute, nil, 1, 1, 5},
		"checksums, the same bytes, lost":             {lost, 1, 0, nil, 1, 1, 5},
		"checksums, the same bytes, nothing but once": {failed, 3, 0, nil, 1, 1, 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.destination = startServerAs(t, "dst", memdriver.Config{Now: func() time.Time { return time.Now().Add(test.ahead) }})
			clock := &dial{at: time.Now().Add(-time.Hour)}
			w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
			w.put("big", content(size, test.old), driver.Attributes{ContentType: "old/type"})
			var wrap wrapping
			if test.rules != nil {
				wrap = ruled(test.rules)
			}
			report, err := w.syncBetween(t.Context(), wrap, wrap)
			mustRun(t, report, err)

			clock.turn(62 * time.Minute)
			w.state = t.TempDir() // without a record the time tells that it was replaced
			w.put("big", content(size, test.new), driver.Attributes{ContentType: "new/type"})
			w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: test.times, Effect: test.answer})
			sent := w.destination.Count("Part")
			report, err = w.syncBetween(t.Context(), wrap, wrap)
			mustRun(t, report, err)
			if report.Objects.Copied != 1 {
				t.Errorf("copied %d, want 1", report.Objects.Copied)
			}
			if got := w.arrived("big", content(size, test.new)); got.Attributes.ContentType != "new/type" {
				t.Errorf("done, and the destination has the old attributes %+v", got.Attributes)
			}
			if n := w.destination.Count("Part") - sent; test.parts > 0 && n > test.parts {
				t.Errorf("%d parts were sent, %d suffice", n, test.parts)
			}
			w.noUploads()
		})
	}
}

// TestEqualObjectAnswersForAnUpload: where an older object has the bytes and attributes of
// the one that was to be made, the upload that was not completed does not stay open.
func TestEqualObjectAnswersForAnUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := &dial{at: time.Now().Add(-time.Hour)}
	w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
	w.rules = func(s *driver.Session) { s.Checksums.ETagMD5 = false }
	w.put("big", content(9*minPart, 1), driver.Attributes{})
	w.sync()
	clock.turn(62 * time.Minute)
	w.state = t.TempDir() // without a record the time tells that it was replaced
	w.put("big", content(9*minPart, 1), driver.Attributes{})
	w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Fail(416, "InvalidRange")})
	if report := w.sync(); report.Objects.Copied != 1 {
		t.Errorf("copied %d, want 1", report.Objects.Copied)
	}
	w.same()
}

// TestDestinationIsLookedAtBefore: it costs a request where no checksum decides, and none
// where one does.
func TestDestinationIsLookedAtBefore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules func(*driver.Session)
		want  int
	}{"checksums": {func(*driver.Session) {}, 1}, "none": {noChecksums, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(5*minPart, 1), driver.Attributes{})
			report, err := w.syncBetween(t.Context(), nil, ruled(test.rules))
			mustRun(t, report, err)
			if n := w.destination.Count("Stat"); n != test.want {
				t.Errorf("the destination was looked at %d times, want %d", n, test.want)
			}
		})
	}
}

// joiner is a store without checksums that joins what it is told as change says.
type joiner struct {
	governed
	change func(*driver.CompleteUploadRequest)
	echo   bool // it states the checksum that it was told
}

func (j joiner) CompleteUpload(ctx context.Context, r driver.CompleteUploadRequest) (driver.Object, error) {
	told := r.Checksum
	j.change(&r)
	r.Checksum = driver.Checksum{}
	object, err := j.governed.CompleteUpload(ctx, r)
	answer := driver.Object{Key: object.Key, ETag: object.ETag} // what S3 answers
	if j.echo && !told.IsZero() {
		answer.Checksums = []driver.Checksum{told}
	}
	return answer, err
}

// TestJoinedObjectIsLookedAt: a store that joined other parts than it was told, or nothing,
// has no success to show for it.
func TestJoinedObjectIsLookedAt(t *testing.T) {
	t.Parallel()
	fewer := func(r *driver.CompleteUploadRequest) {
		last := r.Parts[len(r.Parts)-1]
		r.Parts, r.Size = r.Parts[:len(r.Parts)-1], r.Size-last.Size
	}
	for name, test := range map[string]struct {
		rules func(*driver.Session)
		echo  bool
	}{
		"one part less": {noChecksums, false},
		"one part less, and the checksum as told": {func(*driver.Session) {}, true},
		"one part less, only the ETag kept":       {func(s *driver.Session) { s.Checksums.Stored = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(5*minPart, 1), driver.Attributes{})
			report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket {
				return joiner{governed{b, test.rules}, fewer, test.echo}
			})
			if err != nil || report.Objects.Failed != 1 || report.Objects.Copied != 0 {
				t.Fatalf("copied %d, failed %d, %v, want one that failed", report.Objects.Copied, report.Objects.Failed, err)
			}
			if text := report.Problems[0].Error; !strings.Contains(text, "4000 bytes, 5000 were sent") || !strings.Contains(text, `destination: bucket "dst"`) {
				t.Errorf("error %q", text)
			}
		})
	}
}

// TestNumberOfPartsIsCompared: an object of the right size whose ETag tells another number of
// parts is another's.
func TestNumberOfPartsIsCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := content(5*minPart, 1)
	w.put("big", data, driver.Attributes{})
	report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket { return tells{governed{b, noChecksums}} })
	if err != nil || report.Objects.Failed != 1 {
		t.Fatalf("state %q, %v, want a failure", report.State, err)
	}
	if text := report.Problems[0].Error; !strings.Contains(text, "joined from 4 parts, 5 were sent") {
		t.Errorf("error %q", text)
	}
	if _, got, _ := w.destination.Get("dst", "big"); !bytes.Equal(got, data) {
		t.Error("the test itself is wrong")
	}
}

// tells shows a wrong number of parts in every ETag.
type tells struct{ governed }

func (s tells) Stat(ctx context.Context, r driver.StatRequest) (driver.Object, error) {
	object, err := s.governed.Stat(ctx, r)
	object.ETag = strings.Replace(object.ETag, "-5", "-4", 1)
	return object, err
}

func (s tells) CompleteUpload(ctx context.Context, r driver.CompleteUploadRequest) (driver.Object, error) {
	object, err := s.governed.CompleteUpload(ctx, r)
	return driver.Object{Key: object.Key}, err
}

// TestGradeNeedsTheDestination: what the source states of its own object is no evidence of
// the copy, in parts as whole.
func TestGradeNeedsTheDestination(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(5*minPart, 1), driver.Attributes{})
	report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket { return mute{governed{b, noChecksums}} })
	mustRun(t, report, err)
	if report.Evidence.SizeOnly != 1 {
		t.Errorf("evidence %+v, want size only: the destination states nothing", report.Evidence)
	}
}

// mute states no checksum of any object.
type mute struct{ governed }

func (s mute) Stat(ctx context.Context, r driver.StatRequest) (driver.Object, error) {
	object, err := s.governed.Stat(ctx, r)
	object.Checksums = nil
	return object, err
}

func (s mute) CompleteUpload(ctx context.Context, r driver.CompleteUploadRequest) (driver.Object, error) {
	object, err := s.governed.CompleteUpload(ctx, r)
	object.Checksums = nil
	return object, err
}
