package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// vanishing has the source lose an object when it is to be read.
func (w *world) vanishing(key string) {
	w.source.Inject(memdriver.Fault{Call: "Get", Key: key, Times: 1, Effect: memdriver.Do(func() { w.remove(key) })})
}

// TestVanishedObjectsAreListed by name, and are no failures.
func TestVanishedObjectsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "gone/1", "gone/2"} {
		w.put(key, content(10, 1), driver.Attributes{})
	}
	w.vanishing("gone/1")
	w.vanishing("gone/2")
	report := w.sync()
	if diff := cmp.Diff([]string{"gone/1", "gone/2"}, report.Vanished); diff != "" || report.Objects.Vanished != 2 || len(report.Problems) != 0 {
		t.Errorf("%+v, %+v, vanished (-want +got):\n%s", report.Objects, report.Problems, diff)
	}
	if again, err := w.retry(report.Run); err != nil || again.Objects.Planned+again.Objects.Vanished != 0 {
		t.Errorf("retry: %v, %+v", err, again.Objects)
	}
	w.put("gone/1", content(10, 2), driver.Attributes{})
	if next := w.sync(); next.Objects.Copied != 1 || len(next.Vanished) != 0 {
		t.Errorf("the next run: %+v, vanished %q", next.Objects, next.Vanished)
	}
	w.same()
}

// TestVanishedBeforeARetry: what failed and is gone since is listed by the retry.
func TestVanishedBeforeARetry(t *testing.T) {
	t.Parallel()
	w, first := failing(t, "b", "gone")
	w.remove("gone")
	report, err := w.retry(first.Run)
	if diff := cmp.Diff([]string{"gone"}, report.Vanished); diff != "" || err != nil || report.State != "done" {
		t.Errorf("%v, state %q, vanished (-want +got):\n%s", err, report.State, diff)
	}
}

// TestRetryBelievesNoHeadAlone: what a listing shows has not vanished.
func TestRetryBelievesNoHeadAlone(t *testing.T) {
	t.Parallel()
	w, first := failing(t, "b")
	w.source.Inject(memdriver.Fault{Call: "Stat", Key: "b", Effect: memdriver.Fail(404, "NoSuchKey")})
	report, err := w.retry(first.Run)
	if err != nil || report.Objects.Vanished != 0 || report.Objects.Failed != 1 {
		t.Errorf("%v: %+v", err, report.Objects)
	}
}

// TestCopyOfAVanishedObject is an error: it was asked for.
func TestCopyOfAVanishedObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("a", content(10, 1), driver.Attributes{})
	w.vanishing("a")
	report, err := w.copy(t.Context(), "a")
	if err == nil || report.Objects.Vanished != 1 || report.State != "failed" {
		t.Errorf("state %q, %v, %+v", report.State, err, report.Objects)
	}
}
