package engine_test

import (
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestFindingsDoNotWaitForTheListing: what was found is copied though the listing stalls.
func TestFindingsDoNotWaitForTheListing(t *testing.T) {
	t.Parallel()
	for name, compare := range map[string]job.Compare{"new": job.CompareAuto, "changed": job.CompareChecksum} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Compare = compare
			for _, key := range keys("m", 1100) {
				w.put(key, nil, driver.Attributes{})
			}
			if compare == job.CompareChecksum {
				w.settings.Compare = job.CompareAuto
				w.put("a", content(10, 2), driver.Attributes{})
			}
			w.sync()
			w.settings.Compare = compare
			w.put("a", content(10, 1), driver.Attributes{})
			release, copied := make(chan struct{}), make(chan struct{})
			w.source.Inject(memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Hold(release)})
			w.destination.Inject(memdriver.Fault{Call: "Put", Key: "a", Effect: memdriver.Do(func() { close(copied) })})
			ended := make(chan error, 1)
			var report *observe.Report
			go func() {
				var err error
				report, err = w.trySync(t.Context())
				ended <- err
			}()
			select {
			case <-copied:
			case err := <-ended:
				t.Fatalf("the run ended before the listing did: %v", err)
			}
			close(release)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			w.same()
			if o := report.Objects; o.Equal != 1100 || o.Copied != 1 || o.ListedSource != 1101 {
				t.Errorf("%+v: a key was compared twice", o)
			}
		})
	}
}
