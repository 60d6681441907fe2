package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// answer answers a request with a status and a body that are not the store's.
func answer(status int, body string) memdriver.Effect {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body)) // the client is gone when this fails
		})
	}
}

// objectSizes are those of objects that travel in each way; see travels.
var objectSizes = map[string]int{"empty": 0, "small": 100, "streamed": 300 << 10, "in parts": 9 * minPart}

// travels has objects travel as one of objectSizes is named.
func (w *world) travels(name string) {
	if name == "streamed" {
		w.settings.MultipartThreshold = 1 << 20
	}
}

// TestVanishedObjectIsNoFailure: an object that was deleted between listing and copy is
// counted, and fails nothing.
func TestVanishedObjectIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, size := range objectSizes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.travels(name)
			w.put("stays", content(10, 1), driver.Attributes{})
			w.put("goes", content(size, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", Key: "goes", Effect: memdriver.Do(func() { w.remove("goes") })})
			w.vanished()
		})
		t.Run(name+", before its tags", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.travels(name)
			w.settings.Tags = true
			w.put("stays", content(10, 1), driver.Attributes{})
			w.put("goes", content(size, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Tags", Key: "goes", Effect: memdriver.Do(func() { w.remove("goes") })})
			w.vanished()
		})
	}
}

// vanished runs a sync in which one object vanishes and one is copied.
func (w *world) vanished() {
	w.t.Helper()
	report := w.sync()
	if report.Objects.Vanished != 1 || report.Objects.Copied != 1 {
		w.t.Errorf("vanished %d, copied %d, want 1 and 1", report.Objects.Vanished, report.Objects.Copied)
	}
	w.same()
}

// TestVanishedIsProved: a 404 alone does not make an object vanish. One that HEAD or listing
// still show fails when the attempts are spent, with what the store answered, and is copied
// when the answers stop.
func TestVanishedIsProved(t *testing.T) {
	t.Parallel()
	effects := map[string]memdriver.Effect{
		"the store's own code":  memdriver.Fail(404, "NoSuchKey"),
		"an upload's code":      memdriver.Fail(404, "NoSuchUpload"),
		"a version's code":      memdriver.Fail(404, "NoSuchVersion"),
		"an empty answer":       answer(404, ""),
		"a page":                answer(404, "<html>Not here</html>"),
		"a page named an error": answer(404, "<Error><Code></Code></Error>"),
	}
	for name, effect := range effects {
		for size, bytes := range objectSizes {
			t.Run(name+", "+size, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.travels(size)
				w.put("object", content(bytes, 1), driver.Attributes{})
				w.source.Inject(memdriver.Fault{Call: "Get", Effect: effect})
				report, err := w.trySync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if report.Objects.Vanished != 0 || report.Objects.Failed != 1 || len(report.Problems) != 1 {
					t.Fatalf("%+v, problems %+v, want one failed", report.Objects, report.Problems)
				}
				for _, text := range []string{`source: bucket "src", after 6 attempts`, `"object"`} {
					if !strings.Contains(report.Problems[0].Error, text) {
						t.Errorf("error %q lacks %q", report.Problems[0].Error, text)
					}
				}
				w.source.Heal()
				w.sync()
				w.same()
			})
		}
	}
}

// TestPassingAbsence: an answer that comes once is not believed.
func TestPassingAbsence(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]memdriver.Effect{"the store's code": memdriver.Fail(404, "NoSuchKey"), "a page": answer(404, "gone")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(20*minPart, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", First: 7, Times: 1, Effect: effect})
			if report := w.sync(); report.Objects.Copied != 1 {
				t.Errorf("%+v, want one copied", report.Objects)
			}
			w.same()
		})
	}
}

// TestAbsentToHeadAlone: what only a listing shows has not vanished, and what it shows is
// told.
func TestAbsentToHeadAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(100, 1), driver.Attributes{})
	for _, call := range []string{"Get", "Stat"} {
		w.source.Inject(memdriver.Fault{Call: call, Effect: memdriver.Fail(404, "NoSuchKey")})
	}
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Objects.Failed != 1 || !strings.Contains(report.Problems[0].Error, "a listing shows the key") {
		t.Errorf("%+v %+v, want one failed that is listed", report.Objects, report.Problems)
	}
}

// TestReplacedVersionIsPlannedAgain: a version that is gone while the key is there changed.
func TestReplacedVersionIsPlannedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(100, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", Times: 1, Effect: memdriver.Fail(404, "NoSuchVersion")})
	w.source.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Do(func() { w.put("object", content(200, 2), driver.Attributes{}) })})
	if report := w.sync(); report.Objects.Replanned != 1 {
		t.Errorf("%+v, want one planned again", report.Objects)
	}
	w.same()
}

// TestShrunkSourceIsPlannedAgain: a store that takes no If-Match says by 416 that the object
// is another one now.
func TestShrunkSourceIsPlannedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atSource = func(s store) driver.Bucket {
		return governed{s, func(session *driver.Session) {
			session.Capabilities = []driver.Capability{driver.CapabilityUploader}
		}}
	}
	w.put("object", content(20*minPart, 1), driver.Attributes{})
	w.source.Inject(memdriver.Fault{Call: "Get", First: 5, Times: 1, Effect: memdriver.Do(func() { w.put("object", content(4*minPart, 2), driver.Attributes{}) })})
	if report := w.sync(); report.Objects.Replanned == 0 {
		t.Errorf("%+v, want one planned again", report.Objects)
	}
	w.same()
}
