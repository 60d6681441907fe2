package engine_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// now returns the task of a source object as it is now.
func (f *fleetWorld) now(key string) task.Task {
	f.t.Helper()
	object, _, err := f.source.Get("src", key)
	if err != nil {
		f.t.Fatal(err)
	}
	return task.Task{Key: key, Size: object.Size, ETag: object.ETag, Modified: object.Modified}
}

// dies has a worker die after its object landed and before the record was written.
func (f *fleetWorld) dies() {
	f.t.Helper()
	f.journal.onAppend = func(int, []journal.Record) error { return errors.New("killed") }
	worker := f.start()
	if err := <-worker.done; err == nil {
		f.t.Fatal("it did not die")
	}
	f.journal.onAppend = nil
}

// TestSecondWorkerSeesAttributes: a worker that finds the bytes at the destination, whoever
// wrote them, does not take the object for copied unless it has its attributes.
func TestSecondWorkerSeesAttributes(t *testing.T) {
	t.Parallel()
	with := driver.Attributes{CacheControl: "no-cache", ContentType: "text/new"}
	for name, test := range map[string]struct {
		unmappable job.Unmappable
		first      func(f *fleetWorld) // leaves the task in the queue
		want       journal.Outcome
		adapted    bool
	}{
		"the look failed": {job.UnmappableFail, func(f *fleetWorld) {
			f.atTarget = dropsCacheControl
			f.destination.Inject(memdriver.Fault{Call: "Stat", Times: 2, Effect: memdriver.Fail(500, "InternalError")})
			f.send(f.now("a"))
		}, journal.OutcomeFailed, false},
		"killed before the record": {job.UnmappableDrop, func(f *fleetWorld) {
			f.atTarget = dropsCacheControl
			f.send(f.now("a"))
			f.dies()
		}, journal.OutcomeDone, true},
		"rewritten at the kill": {job.UnmappableFail, func(f *fleetWorld) {
			f.put("a", content(100, 1), driver.Attributes{ContentType: "text/old"})
			f.send(f.now("a"))
			f.dies()
			f.put("a", content(100, 1), with)
		}, journal.OutcomeDone, false},
		"an event of a rewrite": {job.UnmappableFail, func(f *fleetWorld) {
			f.events(map[string][]driver.Event{"created": {{Kind: driver.EventCreated, Bucket: "src", Key: "a", Size: 100}}})
			f.put("a", content(100, 1), driver.Attributes{ContentType: "text/old"})
			f.send(f.now("a"))
			f.serve()
			f.put("a", content(100, 1), with)
			f.queue.deliver(&parcelOf{foreign: []byte("created")})
		}, journal.OutcomeDone, false},
		"a look at other tags": {job.UnmappableFail, func(f *fleetWorld) {
			f.settings.Tags = true
			f.send(f.now("a"))
			f.serve()
			tagged := with
			tagged.Tags = []driver.Tag{{Key: "k", Value: "v"}}
			f.put("a", content(100, 1), tagged)
			f.send(task.Task{Key: "a", Action: task.Look})
		}, journal.OutcomeDone, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			f.settings.Unmappable = test.unmappable
			f.put("a", content(100, 1), with)
			test.first(f)
			f.serve()
			record := f.journal.record("a")
			if record.Outcome != test.want || record.IsAdapted() != test.adapted {
				t.Errorf("on record %+v", record)
			}
			if test.want == journal.OutcomeDone && !test.adapted {
				f.same()
			}
			want, _ := f.source.Tags("src", "a")
			if got, _ := f.destination.Tags("dst", "a"); f.settings.Tags && !slices.Equal(got, want) {
				t.Errorf("tags %v, want %v", got, want)
			}
		})
	}
}

// TestSettledObjectIsNotCopiedAgain: a message that comes once more costs two looks, where what
// they show is the same.
func TestSettledObjectIsNotCopiedAgain(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.put("a", content(100, 1), driver.Attributes{CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "me"}}})
	f.send(f.now("a"))
	f.serve()
	copied := f.source.Count("Get")
	f.send(f.now("a"))
	f.serve()
	if got := f.source.Count("Get"); got != copied {
		t.Errorf("%d GETs after %d", got, copied)
	}
	f.same()
}
