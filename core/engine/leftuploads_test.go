package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

func leftKeys(t *testing.T, w *world) []string {
	t.Helper()
	report, err := w.trySync(t.Context())
	mustRun(t, report, err)
	var keys []string
	for _, left := range report.UploadsLeft {
		if left.Reason == "" {
			t.Errorf("no reason is told for %q", left.Key)
		}
		keys = append(keys, left.Key)
	}
	return keys
}

// TestUploadThatCannotBeAborted replaces an object while its parts are read, at a destination
// that refuses to abort uploads. The object is copied; the upload stays on record and is
// told, until it can be ended.
func TestUploadThatCannotBeAborted(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"whole now": 100, "in parts again": 19 * minPart, "of the same size": 20 * minPart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", Key: "big", First: 5, Times: 1, Effect: memdriver.Do(func() {
				w.put("big", content(size, 2), driver.Attributes{})
			})})
			w.destination.Inject(memdriver.Fault{Call: "AbortUpload", Effect: memdriver.Fail(403, "AccessDenied")})
			for run := range 3 {
				before := w.destination.Count("Part") + w.destination.Count("Put")
				if left := leftKeys(t, w); !slices.Equal(left, []string{"big"}) {
					t.Errorf("run %d tells of %q", run, left)
				}
				if n := w.destination.Count("Part") + w.destination.Count("Put") - before; run > 0 && n > 0 {
					t.Errorf("run %d sent %d bodies for an object that is there", run, n)
				}
				w.arrived("big", content(size, 2))
				if open := len(w.destination.Uploads("dst")); open != 1 {
					t.Errorf("%d uploads are open, want the one that cannot be aborted", open)
				}
			}
			w.destination.Heal()
			if left := leftKeys(t, w); len(left) > 0 {
				t.Errorf("the last run tells of %q", left)
			}
			w.same()
		})
	}
}

// TestManyUploadsThatCannotBeAborted: a later upload of the key does not make the earlier
// ones forgotten.
func TestManyUploadsThatCannotBeAborted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.destination.Inject(memdriver.Fault{Call: "AbortUpload", Effect: memdriver.Fail(403, "AccessDenied")})
	for version := range byte(3) {
		w.put("big", content(20*minPart+2*int(version), version), driver.Attributes{})
		w.source.Inject(memdriver.Fault{Call: "Get", Key: "big", First: 5, Times: 1, Effect: memdriver.Do(func() {
			w.put("big", content(20*minPart+2*int(version)+1, version), driver.Attributes{})
		})})
		leftKeys(t, w)
		w.source.Heal()
	}
	if open := len(w.destination.Uploads("dst")); open != 3 {
		t.Fatalf("%d uploads are open, want 3", open)
	}
	w.destination.Heal()
	if left := leftKeys(t, w); len(left) > 0 {
		t.Errorf("the last run tells of %q", left)
	}
	w.same()
}

// dyingAfterCreate is killed after it created an upload and before it hears so.
type dyingAfterCreate struct {
	governed
	kill func()
}

func (d dyingAfterCreate) CreateUpload(ctx context.Context, r driver.CreateUploadRequest) (driver.Upload, error) {
	_, err := d.governed.CreateUpload(ctx, r)
	if err == nil {
		d.kill()
		<-ctx.Done()
		err = ctx.Err()
	}
	return driver.Upload{}, err
}

// dieAfterCreate leaves an upload behind that only the destination knows.
func (w *world) dieAfterCreate() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	before := len(w.destination.Uploads("dst"))
	_, err := w.syncBetween(ctx, nil, func(b store) driver.Bucket { return dyingAfterCreate{governed{b, func(*driver.Session) {}}, cancel} })
	if err == nil || len(w.destination.Uploads("dst")) != before+1 {
		w.t.Fatalf("the killed run ended with %v and left %d uploads", err, len(w.destination.Uploads("dst")))
	}
}

// TestHiddenUploadIsFound kills a run after Create, at a store whose clock is another. The
// upload is found; what another program began for the same key is not touched.
func TestHiddenUploadIsFound(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{
		"the same clock": 0, "a second behind": -time.Second, "ten seconds behind": -10 * time.Second,
		"14 minutes behind": -14 * time.Minute, "14 minutes ahead": 14 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.destination = startServerAs(t, "dst", memdriver.Config{Now: func() time.Time { return time.Now().Add(ahead) }})
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			another := w.beginAnother("big")
			w.dieAfterCreate()
			if left := leftKeys(t, w); len(left) > 0 {
				t.Errorf("%q are told as left", left)
			}
			open := w.destination.Uploads("dst")
			if len(open) != 1 || open[0].ID != another {
				t.Errorf("%+v are open, want the other program's alone", open)
			}
			w.arrived("big", content(20*minPart, 1))
		})
	}
}

// beginAnother begins an upload as another program does and returns its ID.
func (w *world) beginAnother(key string) string {
	w.t.Helper()
	bucket := w.open(w.destination.Endpoint(), "dst").(store)
	defer bucket.Close()
	upload, err := bucket.CreateUpload(w.t.Context(), driver.CreateUploadRequest{Key: key})
	if err != nil {
		w.t.Fatal(err)
	}
	return upload.ID
}

// untimed does not tell when uploads were begun.
type untimed struct{ governed }

func (u untimed) ListUploads(ctx context.Context, r driver.ListUploadsRequest) (driver.UploadsPage, error) {
	page, err := u.governed.ListUploads(ctx, r)
	for i := range page.Uploads {
		page.Uploads[i].Initiated = time.Time{}
	}
	return page, err
}

// TestUploadThatMayBeAnothers: without its time nothing proves whose an upload is. It is told
// and not touched.
func TestUploadThatMayBeAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(20*minPart, 1), driver.Attributes{})
	w.dieAfterCreate()
	report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket { return untimed{governed{b, func(*driver.Session) {}}} })
	mustRun(t, report, err)
	if len(report.UploadsLeft) != 1 || !strings.Contains(report.UploadsLeft[0].Reason, "another program's") {
		t.Errorf("%+v are told as left", report.UploadsLeft)
	}
	if n := len(w.destination.Uploads("dst")); n != 1 {
		t.Errorf("%d uploads are open, want 1", n)
	}
	w.arrived("big", content(20*minPart, 1))
	if left := leftKeys(t, w); len(left) > 0 { // the store tells times again
		t.Errorf("%q are told as left", left)
	}
	w.same()
}

// TestLostAnswersToCreate: uploads whose IDs were lost on the way are ended by the run
// itself, or by a later one.
func TestLostAnswersToCreate(t *testing.T) {
	t.Parallel()
	for name, denied := range map[string]bool{"looked up": false, "looked up later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			w.destination.Inject(memdriver.Fault{Call: "CreateUpload", Times: 2, Effect: memdriver.LoseAnswer()})
			if denied { // the first look is that before Create
				w.destination.Inject(memdriver.Fault{Call: "ListUploads", First: 2, Effect: memdriver.Fail(403, "AccessDenied")})
			}
			if left := leftKeys(t, w); (len(left) > 0) != denied {
				t.Errorf("%q are told as left", left)
			}
			w.arrived("big", content(20*minPart, 1))
			w.destination.Heal()
			if left := leftKeys(t, w); len(left) > 0 {
				t.Errorf("%q are told as left by the second run", left)
			}
			w.same()
		})
	}
}

// TestIntentThatCannotBeLookedUp: it keeps neither other objects nor its own from being
// copied, run after run, and is ended once it can be.
func TestIntentThatCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	listings := map[string]func(page *driver.UploadsPage, err *error){
		"denied": func(_ *driver.UploadsPage, err *error) {
			*err = &driver.Error{Op: "ListUploads", Kind: driver.KindDenied, Code: "AccessDenied", Status: 403}
		},
		"the store is away": func(_ *driver.UploadsPage, err *error) {
			*err = &driver.Error{Op: "ListUploads", Kind: driver.KindUnavailable, Status: 500}
		},
		"the same token":    func(page *driver.UploadsPage, _ *error) { page.Next = "again" },
		"another's uploads": func(page *driver.UploadsPage, _ *error) { page.Uploads = append(page.Uploads, foreign("x")) },
		"one without an ID": func(page *driver.UploadsPage, _ *error) { page.Uploads = append(page.Uploads, foreign("")) },
	}
	for name, listing := range listings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			w.dieAfterCreate()
			for run := range 2 {
				w.put(fmt.Sprint("other", run), content(10, 1), driver.Attributes{})
				report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket {
					return listsUploads{governed{b, func(*driver.Session) {}}, listing}
				})
				mustRun(t, report, err)
				if want := int64(2 - run); report.Objects.Copied != want || len(report.UploadsLeft) != 1 || report.UploadsLeft[0].Key != "big" {
					t.Errorf("run %d: copied %d, want %d; left %+v", run, report.Objects.Copied, want, report.UploadsLeft)
				}
				if reason := report.UploadsLeft[0].Reason; !strings.Contains(reason, `destination: bucket "dst"`) {
					t.Errorf("run %d: reason %q", run, reason)
				}
			}
			if left := leftKeys(t, w); len(left) > 0 {
				t.Errorf("the last run tells of %q", left)
			}
			w.same()
		})
	}
}

func foreign(id string) driver.Upload {
	return driver.Upload{UploadRef: driver.UploadRef{Key: "elsewhere", ID: id}}
}

// listsUploads changes what the destination lists.
type listsUploads struct {
	governed
	change func(*driver.UploadsPage, *error)
}

func (l listsUploads) ListUploads(ctx context.Context, r driver.ListUploadsRequest) (driver.UploadsPage, error) {
	page, err := l.governed.ListUploads(ctx, driver.ListUploadsRequest{Prefix: r.Prefix})
	l.change(&page, &err)
	return page, err
}

// listsParts changes what the destination lists of an upload.
type listsParts struct {
	governed
	change func(*driver.PartsPage)
}

func (l listsParts) ListParts(ctx context.Context, r driver.ListPartsRequest) (driver.PartsPage, error) {
	page, err := l.governed.ListParts(ctx, driver.ListPartsRequest{Upload: r.Upload})
	l.change(&page)
	return page, err
}

// TestListOfPartsThatCannotBe goes on with an upload whose parts the destination lists as
// no store should: the object fails with what was wrong, and the run after begins it anew.
func TestListOfPartsThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*driver.PartsPage)
		says   string
	}{
		"the same token":    {func(p *driver.PartsPage) { p.Next, p.Parts = "again", nil }, "page token"},
		"the same parts":    {func(p *driver.PartsPage) { p.Next = "again" }, "cannot be"},
		"an unasked number": {func(p *driver.PartsPage) { p.Parts = append(p.Parts, driver.Part{Number: 21, Size: 1}) }, "number 21"},
		"number nought":     {func(p *driver.PartsPage) { p.Parts = []driver.Part{{Number: 0}} }, "number 0"},
		"a negative size":   {func(p *driver.PartsPage) { p.Parts[0].Size = -1 }, "-1 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			w.interrupted(13, nil, nil)
			report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket {
				return listsParts{governed{b, func(*driver.Session) {}}, test.change}
			})
			if err != nil || report.Objects.Failed != 1 {
				t.Fatalf("failed %d, %v, want 1", report.Objects.Failed, err)
			}
			if text := report.Problems[0].Error; !strings.Contains(text, test.says) || !strings.Contains(text, `destination: bucket "dst"`) {
				t.Errorf("error %q", text)
			}
			w.sync()
			w.same()
		})
	}
}

// TestHeldPartIsCompared: a part that the destination holds otherwise than it was sent is
// sent again, even where its ETag is the same.
func TestHeldPartIsCompared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.Transfers = 1 // the one part in flight at the interruption may be there without a record
	w.put("big", content(20*minPart, 1), driver.Attributes{})
	w.interrupted(13, nil, nil)
	held := 0
	sent := w.destination.Count("Part")
	report, err := w.syncBetween(t.Context(), nil, func(b store) driver.Bucket {
		return listsParts{governed{b, func(*driver.Session) {}}, func(page *driver.PartsPage) {
			held = len(page.Parts)
			page.Parts[2].Checksums = []driver.Checksum{{Algorithm: page.Parts[2].Checksums[0].Algorithm, Value: "\x00\x00\x00\x00\x00\x00\x00\x01"}}
		}}
	})
	mustRun(t, report, err)
	w.same()
	if n := w.destination.Count("Part") - sent; n < 20-held+1 || n > 20-held+2 {
		t.Errorf("%d parts were sent, want the %d that were missing, the one that differs and one more at most", n, 20-held)
	}
}

// TestUploadUnderAnotherPolicy interrupts an upload and goes on under another policy: what is
// written is what the second run was asked for.
func TestUploadUnderAnotherPolicy(t *testing.T) {
	t.Parallel()
	lost := func(s *driver.Session) { s.MetadataRules.LostHeaders = []string{"content-language"} }
	for name, test := range map[string]struct {
		before, after job.Unmappable
		resumes       bool
	}{
		"what was dropped fails now":    {job.UnmappableDrop, job.UnmappableFail, false},
		"what was dropped is encoded":   {job.UnmappableDrop, job.UnmappableEncode, false},
		"the policy is as it was":       {job.UnmappableDrop, job.UnmappableDrop, true},
		"the policy is as it was, fail": {job.UnmappableFail, job.UnmappableFail, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			attributes := driver.Attributes{ContentLanguage: "de", ContentType: "a/b"}
			if test.before == job.UnmappableFail {
				attributes.ContentLanguage = ""
			}
			w.put("big", content(20*minPart, 1), attributes)
			w.settings.Unmappable = test.before
			w.interrupted(13, nil, ruled(lost))
			w.settings.Unmappable = test.after
			sent := w.destination.Count("Part")
			report, err := w.syncBetween(t.Context(), nil, ruled(lost))
			if err != nil {
				t.Fatal(err)
			}
			failed := attributes.ContentLanguage != "" && test.after != job.UnmappableDrop
			if failed != (report.Objects.Unmappable == 1) || failed != (report.Objects.Copied == 0) {
				t.Errorf("%+v; refused: want %t", report.Objects, failed)
			}
			n := w.destination.Count("Part") - sent
			if resumed := n > 0 && n < 20; resumed != test.resumes {
				t.Errorf("%d parts were sent; gone on with: want %t", n, test.resumes)
			}
			w.noUploads()
		})
	}
}
