package engine_test

import (
	"slices"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestMarkerOfTheDestinationsFolder: the object that consoles write for a folder, backup/, is one
// that only the destination has, as plan and sync both say: a source that begins at the bucket
// cannot have its counterpart, and is not asked for the empty key.
func TestMarkerOfTheDestinationsFolder(t *testing.T) {
	t.Parallel()
	for from, key := range map[string]string{"mem://src": "a", "mem://src/dir/": "dir/a"} {
		for _, listing := range []string{"ordered", "unordered"} {
			t.Run(from+" "+listing, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.from, w.to, w.listing = from, "mem://dst/backup/", listing
				w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1}
				w.put(key, content(5, 2), driver.Attributes{})
				if _, err := w.destination.Put("dst", "backup/", nil, driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
				if forecast := w.plan(); forecast.Deletes != 1 || forecast.Guard != "" {
					t.Errorf("plan %+v", forecast)
				}
				w.destination.Inject(memdriver.Fault{Call: "Delete", Key: "backup/", Times: 1, Effect: memdriver.Fail(403, "AccessDenied")})
				report, err := w.trySync(t.Context())
				if err != nil || report.Objects.Failed != 1 {
					t.Fatalf("%v, %+v", err, report.Objects)
				}
				if again, err := w.retry(report.Run); err != nil || again.Objects.Failed != 1 {
					t.Errorf("retry: %v, %+v, want that it deletes nothing", err, again.Objects)
				}
				if report := w.sync(); report.Objects.Deleted != 1 || !slices.Equal(w.destination.Keys("dst"), []string{"backup/a"}) {
					t.Errorf("%+v, the destination has %q", report.Objects, w.destination.Keys("dst"))
				}
				if forecast := w.plan(); forecast.Extra != 0 {
					t.Errorf("plan %+v", forecast)
				}
			})
		}
	}
}
