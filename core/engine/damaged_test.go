package engine_test

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestDamagedBytesReplaceNothing: bytes that do not have the checksum that the source states
// fail before they take the place of what the destination holds.
func TestDamagedBytesReplaceNothing(t *testing.T) {
	t.Parallel()
	for name, size := range objectSizes {
		if size == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.travels(name)
			old := content(size, 1)
			w.put("object", old, driver.Attributes{})
			w.sync()
			w.put("object", content(size, 2), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.CorruptAnswer(9)})
			report, err := w.trySync(t.Context())
			if err != nil || report.Objects.Failed != 1 {
				t.Fatalf("failed %d, %v, want 1", report.Objects.Failed, err)
			}
			w.arrived("object", old)
			w.source.Heal()
			w.sync()
			w.same()
		})
	}
}

// TestDamagedPartOfAVersionThatIsGone: once the source is rewritten or removed, it states
// nothing any more of the bytes that were damaged on their way here.
func TestDamagedPartOfAVersionThatIsGone(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(*world){
		"rewritten": func(w *world) { w.put("big", content(20*minPart, 2), driver.Attributes{}) },
		"removed":   func(w *world) { w.remove("big") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("big", content(20*minPart, 1), driver.Attributes{})
			w.source.Inject(memdriver.Fault{Call: "Get", First: 3, Times: 1, Effect: memdriver.CorruptAnswer(9)})
			w.source.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Do(func() { then(w) })})
			report, err := w.trySync(t.Context())
			mustRun(t, report, err)
			w.same()
			w.noUploads()
		})
	}
}
