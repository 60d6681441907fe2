package engine_test

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestHeadersThatAreNotTheObjects: a store that puts a Content-Disposition of its own
// into downloads is asked for the object's, once an object.
func TestHeadersThatAreNotTheObjects(t *testing.T) {
	t.Parallel()
	attributes := driver.Attributes{ContentType: "text/x", Metadata: []driver.Metadata{{Name: "owner", Value: "me"}}}
	for name, size := range map[string]int{"empty": 0, "small": 100, "streamed": 300 << 10, "in parts": 9 * minPart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source = startServerAs(t, "src", memdriver.Config{ForceDownload: true})
			if name == "streamed" {
				w.settings.MultipartThreshold = 1 << 20
			}
			w.put("object", content(size, 1), attributes)
			w.source.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Fail(503, "SlowDown")})
			report := w.sync()
			w.same()
			if got := report.Requests.Source["stat"]; got < 2 || got > 3 {
				t.Errorf("%d Stat requests are counted, want one refused, one for the attributes and at most one for the checksum", got)
			}
		})
	}
}

// TestReplacedBetweenAnswerAndStat: attributes of one version never go with the bytes of another.
func TestReplacedBetweenAnswerAndStat(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 100, "in parts": 9 * minPart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source = startServerAs(t, "src", memdriver.Config{ForceDownload: true})
			w.put("object", content(size, 1), driver.Attributes{ContentType: "old/type"})
			w.source.Inject(memdriver.Fault{Call: "Stat", Times: 1, Effect: memdriver.Do(func() {
				if _, err := w.source.Put("src", "object", content(size, 2), driver.Attributes{ContentType: "new/type"}); err != nil {
					t.Error(err)
				}
			})})
			report := w.sync()
			w.same()
			if report.Objects.Replanned == 0 {
				t.Error("the report does not say that the object was planned again")
			}
		})
	}
}
