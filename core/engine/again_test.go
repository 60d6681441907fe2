package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/queue"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// retry takes the failed objects of a run again.
func (w *world) retry(run string) (report *observe.Report, err error) {
	w.t.Helper()
	w.with(func(e *engine.Engine) { report, err = e.Retry(w.t.Context(), run) })
	return report, err
}

// failing returns a world whose first run copied "fine" and failed at the others.
func failing(t *testing.T, keys ...string) (*world, *observe.Report) {
	t.Helper()
	w := newWorld(t)
	w.put("fine", content(10, 1), driver.Attributes{})
	for _, key := range keys {
		w.put(key, content(5*minPart, 2), driver.Attributes{ContentType: "a/b"})
		w.source.Inject(memdriver.Fault{Call: "Get", Key: key, Effect: memdriver.Fail(400, "Broken")})
	}
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != int64(len(keys)) || report.Objects.Copied != 1 {
		t.Fatalf("%v: %+v", err, report)
	}
	w.source.Heal()
	return w, report
}

func TestRetryCopiesWhatFailedAndListsNothing(t *testing.T) {
	t.Parallel()
	w, first := failing(t, "a/large", "b", "gone")
	w.source.Inject(memdriver.Fault{Call: "Get", Key: "b", Effect: memdriver.Fail(400, "Broken")})
	w.put("a/large", content(6*minPart, 3), driver.Attributes{}) // a newer version
	w.put("new", content(5, 4), driver.Attributes{})             // for the next sync
	w.remove("gone")
	report, err := w.retry(first.Run)
	if err != nil {
		t.Fatal(err)
	}
	o := report.Objects
	if report.State != "failed" || o.Planned != 2 || o.Copied != 1 || o.Failed != 1 || o.Vanished != 1 || len(report.Problems) != 1 || report.Problems[0].Key != "b" {
		t.Errorf("%+v", report)
	}
	if n := report.Requests.Source["list"] + report.Requests.Destination["list"]; n != 1 {
		t.Errorf("%d listings, want the one that proves that an object is gone", n)
	}
	if diff := cmp.Diff([]string{"a/large", "fine"}, w.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
	w.noUploads()

	w.source.Heal()
	second, err := w.retry(report.Run)
	if err != nil || second.State != "done" || second.Objects.Copied != 1 {
		t.Errorf("retry of the retry: %v, %+v", err, second)
	}
	if again, err := w.retry(report.Run); err != nil || again.Objects.Planned != 0 || again.State != "done" {
		t.Errorf("nothing is left: %v, %+v", err, again)
	}
	w.sync()
	w.same()
}

func TestRetryOfAnUnknownRunDoesNothing(t *testing.T) {
	t.Parallel()
	w, _ := failing(t, "a")
	report, err := w.retry("nonsense")
	var mistake *job.Error
	if report != nil || !errors.As(err, &mistake) || !mistake.Usage || !strings.Contains(err.Error(), `there is no run "nonsense"`) {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRetryDeletesNothing: a deletion that failed is on record like a copy that failed,
// but without both listings nothing may be deleted, and there is nothing to copy. It stays a
// failure while the destination has the object: the source never had it, so it did not vanish.
func TestRetryDeletesNothing(t *testing.T) {
	t.Parallel()
	w := withExtras(t, 30, 2)
	w.settings.Delete = true
	w.destination.Inject(memdriver.Fault{Call: "Delete", Effect: memdriver.Fail(400, "Broken")})
	first, err := w.trySync(t.Context())
	if err != nil || first.Objects.Failed != 2 {
		t.Fatalf("%v: %+v", err, first)
	}
	w.destination.Heal()
	report, err := w.retry(first.Run)
	if err != nil || report.Objects.Failed != 2 || report.Objects.Planned+report.Objects.Deleted+report.Objects.Vanished != 0 ||
		!strings.Contains(report.Problems[0].Error, "run sync with --delete") {
		t.Errorf("%v: %+v", err, report)
	}
	if n := len(w.destination.Keys("dst")); n != 32 {
		t.Errorf("the destination has %d objects, want 32", n)
	}
	if report := w.sync(); report.Objects.Deleted != 2 {
		t.Errorf("the next sync deleted %d, want 2", report.Objects.Deleted)
	}
	if report, err := w.retry(report.Run); err != nil || report.State != "done" || report.Objects.Failed+report.Objects.Vanished != 0 {
		t.Errorf("once deleted: %v: %+v", err, report)
	}
}

// TestRetryRefusesWhatItsParentKeepsOut: a store that is a tree of folders would lose one
// of both objects without a word.
func TestRetryRefusesWhatItsParentKeepsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules = func(session *driver.Session) { session.KeyRules.NoParentConflict = true }
	for _, key := range []string{"a", "a/b", "c/d/e", "c/d"} {
		w.put(key, content(3, 1), driver.Attributes{})
	}
	first, err := w.trySync(t.Context())
	if err != nil || first.Objects.Copied != 2 || len(first.Problems) != 2 {
		t.Fatalf("%v: %+v", err, first)
	}
	report, err := w.retry(first.Run)
	if err != nil || report.Objects.Copied != 0 || len(report.Problems) != 2 {
		t.Errorf("%v: %+v", err, report)
	}
	if diff := cmp.Diff([]string{"a", "c/d"}, w.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
}

// failures are the records of a run that a journal finds.
type failures struct {
	journal.Journal
	records []journal.Record
	err     error // after them
}

func (f failures) Failures(context.Context, string) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		for _, record := range f.records {
			if !yield(record, nil) {
				return
			}
		}
		if f.err != nil {
			yield(journal.Record{}, f.err)
		}
	}
}

// outbox keeps what is sent.
type outbox struct {
	queue.Shared
	mu      sync.Mutex
	batches []task.Batch
	err     error
}

func (o *outbox) Send(_ context.Context, batch task.Batch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.batches = append(o.batches, batch)
	return o.err
}

func TestSendAgain(t *testing.T) {
	t.Parallel()
	var records []journal.Record
	for i := range 249 {
		records = append(records, journal.Record{Key: fmt.Sprintf("key-%03d", i), Outcome: journal.OutcomeFailed, Size: int64(i), SourceETag: "e"})
	}
	records[7].Outcome = journal.OutcomeSkipped
	records = append(records,
		journal.Record{Key: "event that named no version", Outcome: journal.OutcomeFailed, Sequencer: "1"},
		journal.Record{Key: "deletion", Outcome: journal.OutcomeFailed, Deletion: true},
		journal.Record{Key: "event that named one", Outcome: journal.OutcomeFailed, Sequencer: "1", SourceETag: "e"},
		journal.Record{Key: "vanished", Outcome: journal.OutcomeVanished},
		journal.Record{Key: "below another", Outcome: journal.OutcomeSkipped, Unmappable: true, Message: "finder"},
		journal.Record{Key: "archived", Outcome: journal.OutcomeSkipped, Archived: true, Message: "finder", At: time.Now()},
	)
	var to outbox
	sent, left, err := engine.SendAgain(t.Context(), failures{records: records}, &to, "a run")
	if err != nil || sent != 253 || left != 1 {
		t.Errorf("sent %d, left %d, %v", sent, left, err)
	}
	var keys []string
	for _, batch := range to.batches {
		if batch.Run != "a run" || len(batch.Tasks) > 100 {
			t.Errorf("batch of %d tasks of run %q", len(batch.Tasks), batch.Run)
		}
		for _, one := range batch.Tasks {
			keys = append(keys, one.Key)
			want := task.Look
			if one.Key == "deletion" || one.Key == "event that named no version" { // as older versions recorded deletions
				want = task.Delete
			}
			if one.Action != want {
				t.Errorf("%q: action %d, want %d", one.Key, one.Action, want)
			}
		}
	}
	slices.Sort(keys)
	if n := len(slices.Compact(keys)); n != 253 || len(to.batches) != 3 || slices.Contains(keys, "vanished") || slices.Contains(keys, "below another") {
		t.Errorf("%d keys in %d batches", n, len(to.batches))
	}
}

func TestSendAgainTellsWhatBreaks(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	one := failures{records: []journal.Record{{Key: "a", Outcome: journal.OutcomeFailed}}}
	if _, _, err := engine.SendAgain(t.Context(), one, &outbox{err: broken}, "run"); !errors.Is(err, broken) {
		t.Errorf("a queue that fails: %v", err)
	}
	one.err = broken
	if _, _, err := engine.SendAgain(t.Context(), one, &outbox{}, "run"); !errors.Is(err, broken) {
		t.Errorf("a journal that fails: %v", err)
	}
}
