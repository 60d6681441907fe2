package assembly_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	journalsqlite "github.com/dth-dev/dth/core/journal/sqlite"
	"github.com/dth-dev/dth/core/statefile"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestUnclearCompletionOverTheSameBytes: bytes that were there before with other attributes are
// no sign that an unclear answer stands for success.
func TestUnclearCompletionOverTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]memdriver.Effect{
		"nothing was done": memdriver.Fail(500, "InternalError"), "the answer was lost": memdriver.LoseAnswer(),
		"the upload is gone": memdriver.Fail(404, "NoSuchUpload"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			data := content(4*partSize, 1)
			if _, err := f.destination.Put("dst", "giant", data, driver.Attributes{ContentType: "old/type"}); err != nil {
				t.Fatal(err)
			}
			f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: answer})
			f.send(f.put("giant", data))
			f.work()
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
				t.Errorf("settled as %+v", got)
			}
		})
	}
}

// TestPartsOfManyWorkersAreOfOneVersion rewrites an object of which the task knows no ETag between
// the parts of workers that share nothing but the record.
func TestPartsOfManyWorkersAreOfOneVersion(t *testing.T) {
	t.Parallel()
	for request := 2; request <= 5; request++ {
		f := newFleet(t)
		versions := [][]byte{content(4*partSize, 1), content(4*partSize, 2)}
		object := f.put("giant", versions[0])
		object.ETag = ""
		worker, id := f.begun(object)
		for number := 1; number <= 4; number++ {
			if number == request-1 {
				f.put("giant", versions[1])
			}
			worker = f.start() // it knows what is on record
			if err := worker.Part(worker.ctx, task.Part{Upload: id, Number: number}); err != nil {
				t.Fatal(err)
			}
		}
		f.queue.drop()
		f.work()
		_, got, err := f.destination.Get("dst", "giant")
		switch {
		case err == nil && !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]):
			t.Errorf("request %d: the destination has parts of two versions", request)
		case f.upload(id).State != assembly.Aborted:
			t.Errorf("request %d: the upload of the old version is %s", request, f.upload(id).State)
		}
	}
}

// TestGiantOnOtherTerms: what was begun before the job's terms changed is begun anew.
func TestGiantOnOtherTerms(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.begun(f.put("giant", content(4*partSize, 1)))
	f.terms = "unmappable=drop"
	f.work()
	f.same()
	if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || got.Replans != 1 || f.destination.Count("CreateUpload") != 2 {
		t.Errorf("settled as %+v after %d uploads, want done in the second", got, f.destination.Count("CreateUpload"))
	}
}

// TestGiantThatNothingBinds is not copied in parts, and the task's failure says why.
func TestGiantThatNothingBinds(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.source.Inject(memdriver.Fault{Call: "Get", Effect: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(anonymous{w}, r) })
	}})
	object := f.put("giant", content(4*partSize, 1))
	object.ETag = ""
	worker := f.start()
	record, err := worker.Split(worker.ctx, object, run, "message", 7)
	if driver.KindOf(err) != driver.KindUnsupported || record.Outcome != journal.OutcomeSkipped {
		t.Errorf("%+v, %v, want it to be skipped", record, err)
	}
	f.clean()
}

// anonymous is an answer that tells nothing of the object's version.
type anonymous struct{ http.ResponseWriter }

func (a anonymous) WriteHeader(status int) {
	a.Header().Del("Etag")
	a.Header().Del("Last-Modified")
	a.ResponseWriter.WriteHeader(status)
}

// TestGiantWhoseUploadCannotBeAborted: the object's outcome does not wait for it. The
// upload goes on the journal's record and is told.
func TestGiantWhoseUploadCannotBeAborted(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	state, err := statefile.Open(t.Context(), t.TempDir(), statefile.Options{Command: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	f.journal = journalsqlite.New(state)
	f.destination.Inject(memdriver.Fault{Call: "AbortUpload", Effect: memdriver.Fail(403, "AccessDenied")})
	old := f.put("giant", content(4*partSize, 1))
	f.source.Inject(memdriver.Fault{Call: "Get", First: 3, Times: 1, Effect: memdriver.Do(func() { f.put("giant", content(4*partSize, 2)) })})
	f.send(old)
	f.work()
	if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || !got.UploadOpen {
		t.Errorf("settled as %+v, want done, and its key's upload left on record", got)
	}
	open := f.destination.Uploads("dst")
	recorded, err := f.journal.Uploads(t.Context())
	if err != nil || len(open) != 1 || len(recorded) != 1 || len(recorded[0].Left) != 1 || recorded[0].Left[0].ID != open[0].ID {
		t.Errorf("%+v are open, %+v on record, %v", open, recorded, err)
	}
	if left := f.counters.UploadsLeft(); len(left) != 1 || left[0].Key != "giant" {
		t.Errorf("%+v are told", left)
	}
	if open, err := f.store.Unfinished(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("giants left unfinished: %v, %+v", err, open)
	}
}

// TestSweepOutlivesRefusals: one giant object that a store refuses something for keeps the
// others from nothing.
func TestSweepOutlivesRefusals(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, key := range []string{"a", "b"} {
		f.begun(f.put(key, content(4*partSize, 1)))
	}
	f.queue.drop()
	f.clock.advance(time.Hour)
	unfinished, err := f.store.Unfinished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, upload := range unfinished {
		if err := f.store.Fail(t.Context(), upload.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
	f.destination.Inject(memdriver.Fault{Call: "AbortUpload", Key: "a", Effect: memdriver.Fail(503, "SlowDown")})
	worker := f.start()
	if err := worker.Sweep(worker.ctx); err != nil {
		t.Errorf("the sweep ended with %v", err)
	}
	if open := f.destination.Uploads("dst"); len(open) != 1 || open[0].Key != "a" {
		t.Errorf("%+v are open, want that of a alone", open)
	}
	f.destination.Heal()
	if err := worker.Sweep(worker.ctx); err != nil {
		t.Error(err)
	}
	f.clean()
}

func (f *fleet) upload(id string) assembly.Upload {
	f.t.Helper()
	upload, err := f.store.Get(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return upload
}
