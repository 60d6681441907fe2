package engine_test

import (
	"testing"
	"time"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestFinderSeesAttributesThatDidNotArrive: an object whose bytes arrived without its
// attributes looks equal in every listing. The finder sends it again, however it compares,
// and whatever the last ledger says of it.
func TestFinderSeesAttributesThatDidNotArrive(t *testing.T) {
	t.Parallel()
	for _, by := range []job.Compare{job.CompareAuto, job.CompareETag, job.CompareMtime, job.CompareSize, job.CompareChecksum} {
		for name, md5 := range map[string]bool{"MD5s are listed": true, "ETags say nothing": false} {
			t.Run(string(by)+"/"+name, func(t *testing.T) {
				t.Parallel()
				f := newFleetWorld(t)
				kept := newMemLedger()
				f.adjust = func(fleet *engine.Fleet) { fleet.Ledger, fleet.Attempts, fleet.RetryAfter = kept, 1, time.Millisecond }
				f.settings.Compare = by
				if !md5 {
					f.rules = opaqueETags
				}
				f.put("a", content(10, 1), driver.Attributes{ContentType: "text/new", CacheControl: "no-cache"})
				f.put("b", content(10, 2), driver.Attributes{})
				f.finds(2, 0)
				f.serve()
				f.finds(0, 2)
				if err := f.destination.Remove("dst", "a"); err != nil {
					t.Fatal(err)
				}
				f.atTarget = dropsCacheControl
				for range 2 {
					f.finds(1, 1)
					f.serve()
					if record := f.journal.record("a"); record.Outcome != journal.OutcomeFailed {
						t.Fatalf("on record %+v", record)
					}
				}
				f.atTarget = nil
				f.finds(1, 1)
				f.serve()
				f.same()
				f.finds(0, 2)
			})
		}
	}
}

// TestFinderAllowsAdaptedCopies where the user does, and sends them again where not.
func TestFinderAllowsAdaptedCopies(t *testing.T) {
	t.Parallel()
	for _, by := range []job.Compare{job.CompareAuto, job.CompareSize} {
		t.Run(string(by), func(t *testing.T) {
			t.Parallel()
			f := newFleetWorld(t)
			kept := newMemLedger()
			f.adjust = func(fleet *engine.Fleet) { fleet.Ledger, fleet.Attempts, fleet.RetryAfter = kept, 1, time.Millisecond }
			f.settings.Compare, f.settings.Unmappable = by, job.UnmappableDrop
			f.atTarget = dropsCacheControl
			f.put("a", content(10, 1), driver.Attributes{CacheControl: "no-cache"})
			f.finds(1, 0)
			f.serve()
			if record := f.journal.record("a"); !record.IsAdapted() {
				t.Fatalf("on record %+v", record)
			}
			f.finds(0, 1)
			f.settings.Unmappable = job.UnmappableFail
			f.finds(1, 0)
		})
	}
}
