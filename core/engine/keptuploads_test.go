package engine_test

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestUploadIsKept fails an upload after 35 of 40 parts. What may pass leaves its parts for
// the next run; what does not, and what has no part yet, leaves nothing.
func TestUploadIsKept(t *testing.T) {
	t.Parallel()
	unavailable, denied := memdriver.Fail(500, "InternalError"), memdriver.Fail(403, "AccessDenied")
	tests := map[string]struct {
		atSource bool
		fault    memdriver.Fault
		kept     bool
	}{
		"the source is away":           {true, memdriver.Fault{Call: "Get", First: 36, Effect: unavailable}, true},
		"the source throttles":         {true, memdriver.Fault{Call: "Get", First: 36, Effect: memdriver.Fail(503, "SlowDown")}, true},
		"the source denies":            {true, memdriver.Fault{Call: "Get", First: 36, Effect: denied}, true},
		"the source breaks off":        {true, memdriver.Fault{Call: "Get", First: 36, Effect: memdriver.CutAnswer(3)}, true},
		"the destination is away":      {false, memdriver.Fault{Call: "Part", First: 36, Effect: unavailable}, true},
		"the destination throttles":    {false, memdriver.Fault{Call: "Part", First: 36, Effect: memdriver.Fail(503, "SlowDown")}, true},
		"the destination denies":       {false, memdriver.Fault{Call: "Part", First: 36, Effect: denied}, true},
		"it cannot be completed":       {false, memdriver.Fault{Call: "CompleteUpload", Effect: unavailable}, true},
		"a page of 404 stands there":   {false, memdriver.Fault{Call: "Part", First: 36, Effect: memdriver.Fail(404, "")}, true},
		"parts arrive damaged":         {false, memdriver.Fault{Call: "Part", First: 36, Effect: memdriver.CorruptRequest(1)}, false},
		"the request is never right":   {false, memdriver.Fault{Call: "Part", First: 36, Effect: memdriver.Fail(400, "InvalidArgument")}, false},
		"the source is archived":       {true, memdriver.Fault{Call: "Get", First: 36, Effect: memdriver.Fail(403, "InvalidObjectState")}, false},
		"the source is another always": {true, memdriver.Fault{Call: "Get", First: 3, Effect: memdriver.Fail(412, "PreconditionFailed")}, false},
		"no part arrived":              {false, memdriver.Fault{Call: "Part", Effect: unavailable}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Transfers = 1 // one part after the other
			w.put("big", content(40*minPart, 1), driver.Attributes{})
			w.put("other", content(10, 1), driver.Attributes{})
			server := w.destination
			if test.atSource {
				server = w.source
			}
			test.fault.Key = "big"
			server.Inject(test.fault)
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed+report.Objects.Skipped != 1 || report.Objects.Copied != 1 {
				t.Fatalf("%v, %+v, problems %+v, want one object that is not copied", err, report.Objects, report.Problems)
			}
			if open := len(w.destination.Uploads("dst")); open != map[bool]int{true: 1}[test.kept] {
				t.Errorf("%d uploads are open; kept: want %t", open, test.kept)
			}
			if tells := strings.Contains(report.Problems[0].Error, "the next run goes on with them"); tells != test.kept {
				t.Errorf("error %q; it tells of parts that are kept: want %t", report.Problems[0].Error, test.kept)
			}
			if len(report.UploadsLeft) > 0 {
				t.Errorf("%+v are told as left", report.UploadsLeft)
			}
			w.source.Heal()
			w.destination.Heal()
			sent := w.destination.Count("Part")
			w.sync()
			w.same()
			if n := w.destination.Count("Part") - sent; test.kept != (n < 10) {
				t.Errorf("the next run sent %d of 40 parts; gone on with: want %t", n, test.kept)
			}
		})
	}
}

// TestKeptUploadIsOfNoUse: an upload that was kept ends with its object.
func TestKeptUploadIsOfNoUse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"the object is gone":       func(w *world) { w.source.CreateBucket("src"); w.put("other", nil, driver.Attributes{}) },
		"it was replaced":          func(w *world) { w.put("big", content(40*minPart, 2), driver.Attributes{}) },
		"it was replaced, shorter": func(w *world) { w.put("big", content(10, 2), driver.Attributes{}) },
		"the parts shall be other": func(w *world) { w.settings.PartSize = 2 * minPart },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(40*minPart, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", First: 36, Effect: memdriver.Fail(500, "InternalError")})
			if _, err := w.trySync(t.Context()); err != nil || len(w.destination.Uploads("dst")) != 1 {
				t.Fatalf("%v, %d uploads are open", err, len(w.destination.Uploads("dst")))
			}
			w.source.Heal()
			change(w)
			w.sync()
			w.same()
		})
	}
}

// TestBarePageIsNoLostUpload: a 404 without the store's own code is tried again, and the
// parts that are there are not sent once more.
func TestBarePageIsNoLostUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(40*minPart, 1), driver.Attributes{})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 20, Times: 2, Effect: memdriver.Fail(404, "")})
	w.sync()
	w.same()
	if uploads, parts := w.destination.Count("CreateUpload"), w.destination.Count("Part"); uploads != 1 || parts != 42 {
		t.Errorf("%d uploads and %d parts, want 1 and 42", uploads, parts)
	}
}

// TestPlanGoesOnWithUploads as sync does, also where the destination has the bytes by now.
func TestPlanGoesOnWithUploads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("big", content(40*minPart, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", First: 36, Effect: memdriver.Fail(500, "InternalError")})
	if _, err := w.trySync(t.Context()); err != nil || len(w.destination.Uploads("dst")) != 1 {
		t.Fatalf("%v, %d uploads are open", err, len(w.destination.Uploads("dst")))
	}
	w.source.Heal()
	if _, err := w.destination.Put("dst", "big", content(40*minPart, 1), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	forecast, report := w.plan(), w.sync()
	if forecast.ToCopy() != report.Objects.Planned || forecast.Equal != report.Objects.Equal {
		t.Errorf("the plan says %d to copy and %d equal, sync planned %d and found %d equal",
			forecast.ToCopy(), forecast.Equal, report.Objects.Planned, report.Objects.Equal)
	}
	w.noUploads()
}

// TestUploadIsKeptThatCannotBeLookedAt: nothing of it is thrown away because a later run
// cannot see how it is.
func TestUploadIsKeptThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	unavailable := memdriver.Fail(500, "InternalError")
	for _, call := range []string{"ListParts", "Stat"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Transfers = 1
			w.put("big", content(40*minPart, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", First: 36, Effect: unavailable})
			w.fails()
			w.source.Heal()
			w.destination.Inject(memdriver.Fault{Call: call, Effect: unavailable})
			w.fails()
			w.destination.Heal()
			sent := w.destination.Count("Part")
			w.sync()
			w.same()
			if again := w.destination.Count("Part") - sent; again > 5 {
				t.Errorf("%d parts were sent in the end, want no more than the 5 that had not arrived", again)
			}
		})
	}
}
