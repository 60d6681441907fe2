package assembly_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dth-dev/dth/core/assembly"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/core/transfer"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// arrive copies all parts of a giant object, the last of which has it joined.
func (f *fleet) arrive(worker process, id string, parts int) error {
	f.t.Helper()
	for number := 1; ; number++ {
		if err := worker.Part(worker.ctx, task.Part{Upload: id, Number: number}); err != nil || number == parts {
			return err
		}
	}
}

// TestGiantOfAnother: an upload that never could be completed and is gone is no sign that what
// another program wrote since is its object.
func TestGiantOfAnother(t *testing.T) {
	t.Parallel()
	for name, lapses := range map[string]bool{"the upload is gone": true, "the upload is open": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.silent = true
			worker, id := f.begun(f.put("giant", content(4*partSize, 1)))
			f.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 2 * policy.Attempts, Effect: memdriver.Fail(503, "SlowDown")})
			if err := f.arrive(worker, id, 4); driver.KindOf(err) != driver.KindThrottled {
				t.Fatalf("%v, want the refusal of Complete", err)
			}
			if lapses {
				f.destination.Heal()
				destination := f.side(transfer.Destination, f.destination, "dst", f.counters)
				for _, open := range f.destination.Uploads("dst") {
					if err := destination.AbortUpload(t.Context(), open.Key, open.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := f.destination.Put("dst", "giant", content(4*partSize, 9), driver.Attributes{ContentType: "another/type"}); err != nil {
				t.Fatal(err)
			}
			f.work()
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone {
				t.Errorf("settled as %+v", got)
			}
		})
	}
}

// reluctant refuses to settle once.
type reluctant struct {
	*fleet
	refused bool
}

func (r *reluctant) Settle(ctx context.Context, upload assembly.Upload, record journal.Record) error {
	if !r.refused {
		r.refused = true
		return errors.New("not now")
	}
	return r.fleet.Settle(ctx, upload, record)
}

// TestJoinedGiantIsKnown: what fails after the join has nothing sent again, also where only the
// ETag tells the object.
func TestJoinedGiantIsKnown(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(f *fleet){
		"it is not settled": func(f *fleet) { f.settler = &reluctant{fleet: f} },
		"it is not seen": func(f *fleet) { // two looks are before the join
			f.destination.Inject(memdriver.Fault{Call: "Stat", First: 3, Times: policy.Attempts, Effect: memdriver.Fail(500, "InternalError")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.silent = true
			fail(f)
			worker, id := f.begun(f.put("giant", content(4*partSize, 1)))
			if err := f.arrive(worker, id, 4); err == nil {
				t.Fatal("nothing failed")
			}
			f.work()
			f.same()
			if got := f.outcome("giant"); got.Outcome != journal.OutcomeDone || f.destination.Count("CreateUpload") != 1 {
				t.Errorf("settled as %+v after %d uploads, want one", got, f.destination.Count("CreateUpload"))
			}
		})
	}
}
