package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// refusals are the ways in which a store keeps one object to itself.
var refusals = map[string]memdriver.Effect{
	"archived":   memdriver.Fail(403, "InvalidObjectState"),
	"vanished":   memdriver.Fail(404, "NoSuchKey"),
	"denied":     memdriver.Fail(403, "AccessDenied"),
	"unreadable": memdriver.Fail(500, "InternalError"),
}

// TestVerifyTellsWhatItCannotRead and goes on: other differences are found all the same.
func TestVerifyTellsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, refusal := range refusals {
		for _, side := range []string{"source", "destination"} {
			for _, read := range []bool{false, true} {
				t.Run(name+" at the "+side+map[bool]string{true: " read", false: ""}[read], func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.rules = noETags
					for _, key := range keys("k", 30) {
						w.put(key, content(10, 1), driver.Attributes{})
					}
					w.sync()
					if _, err := w.destination.Put("dst", "k029", content(10, 2), driver.Attributes{}); err != nil {
						t.Fatal(err)
					}
					server := map[string]*memdriver.Server{"source": w.source, "destination": w.destination}[side]
					server.Inject(memdriver.Fault{Call: map[bool]string{true: "Get", false: "Stat"}[read], Key: "k003", Effect: refusal})
					result, differences := w.verify(read)
					if diff := cmp.Diff([]string{"different k029", "unreadable k003"}, differences); diff != "" {
						t.Errorf("differences (-want +got):\n%s", diff)
					}
					want := engine.Verification{Compared: 29, ByChecksum: 28, Different: 1, Unreadable: 1}
					if diff := cmp.Diff(want, result); diff != "" || result.Differences() != 2 {
						t.Errorf("result (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

// noETags is a destination whose ETags say nothing of the bytes.
func noETags(session *driver.Session) { session.Checksums.ETagMD5 = false }

// TestVerifyEndsAtABrokenSide, instead of telling it once for each object.
func TestVerifyEndsAtABrokenSide(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]memdriver.Effect{
		"denied": memdriver.Fail(403, "AccessDenied"), "down": memdriver.Fail(503, "ServiceUnavailable"), "expired": memdriver.Fail(403, "Expired"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, key := range keys("k", 40) {
				w.put(key, content(10, 1), driver.Attributes{})
			}
			w.sync()
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: refusal})
			w.with(func(e *engine.Engine) {
				if _, err := e.Verify(t.Context(), true, func(engine.Difference) {}); err == nil || !strings.Contains(err.Error(), "source: ") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestVerifyCountsWhatItCompares: what only the journal vouches for is no comparison.
func TestVerifyCountsWhatItCompares(t *testing.T) {
	t.Parallel()
	silent := func(session *driver.Session) { session.Checksums = driver.Checksums{} }
	for name, test := range map[string]struct {
		source, destination func(*driver.Session) // what each states, in the sync
		later               func(*driver.Session) // what the source states when it is verified
		size                int
		want                engine.Verification
	}{
		"stored checksums":        {nil, nil, nil, 10, engine.Verification{Compared: 1, ByChecksum: 1}},
		"stored, in parts":        {nil, nil, nil, 5 * minPart, engine.Verification{Compared: 1, ByChecksum: 1}},
		"nothing, in parts":       {silent, silent, silent, 5 * minPart, engine.Verification{Compared: 1, BySize: 1}},
		"nothing any more":        {nil, nil, silent, 10, engine.Verification{Compared: 1, ByJournal: 1}},
		"nothing any more, parts": {nil, nil, silent, 5 * minPart, engine.Verification{Compared: 1, ByJournal: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("a", content(test.size, 1), driver.Attributes{})
			w.sourceRules, w.rules = test.source, test.destination
			w.sync()
			w.sourceRules = test.later
			result, differences := w.verify(false)
			if diff := cmp.Diff(test.want, result); diff != "" || len(differences) > 0 {
				t.Errorf("%q, result (-want +got):\n%s", differences, diff)
			}
		})
	}
}

// TestOneUnansweredLookFailsOneObject: a sync goes on where the comparison of one object fails.
func TestOneUnansweredLookFailsOneObject(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]memdriver.Effect{"denied": refusals["denied"], "unreadable": refusals["unreadable"]} {
		for _, side := range []string{"source", "destination"} {
			t.Run(name+" at the "+side, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.settings.Compare, w.rules = job.CompareChecksum, noETags
				for _, key := range keys("k", 5) {
					w.put(key, content(10, 1), driver.Attributes{})
				}
				w.sync()
				w.put("new", content(10, 1), driver.Attributes{})
				server := map[string]*memdriver.Server{"source": w.source, "destination": w.destination}[side]
				server.Inject(memdriver.Fault{Call: "Stat", Key: "k001", Effect: refusal})
				report, err := w.trySync(t.Context())
				if err != nil || report.State != "failed" {
					t.Fatalf("state %q, %v", report.State, err)
				}
				if o := report.Objects; o.Copied != 1 || o.Failed != 1 || o.Equal != 4 || len(report.Problems) != 1 || report.Problems[0].Key != "k001" {
					t.Errorf("%+v, %+v", report.Objects, report.Problems)
				}
			})
		}
	}
}

// TestOneUnansweredLookAtAnEncodedKey: the same where keys are written in another form.
func TestOneUnansweredLookAtAnEncodedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = func(session *driver.Session) { session.KeyRules.NoEmptySegment = true }
	w.settings.Unmappable = job.UnmappableEncode
	for _, key := range []string{"a//b", "c//d", "e"} {
		w.put(key, content(10, 1), driver.Attributes{})
	}
	w.sync()
	written := w.destination.Keys("dst")[0]
	w.destination.Inject(memdriver.Fault{Call: "Stat", Key: written, Effect: refusals["denied"]})
	w.put("new", content(10, 1), driver.Attributes{})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Copied != 1 || report.Objects.Failed != 1 || report.Objects.Equal != 2 {
		t.Fatalf("%v: %+v, %+v", err, report.Objects, report.Problems)
	}
	if result, differences := w.verify(false); result.Unreadable != 1 {
		t.Errorf("%+v, %q", result, differences)
	}
}
