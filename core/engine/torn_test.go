package engine_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestRewrittenObjectIsNeverTorn rewrites a source object while it is read. The
// destination must end with the last version whole, and the report must say so.
func TestRewrittenObjectIsNeverTorn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		size, newSize int
		request       int // the GET before which the object is rewritten
	}{
		"small":                   {500, 500, 1},
		"small, now larger":       {500, 700, 1},
		"small, now in parts":     {500, 9 * minPart, 1},
		"in parts":                {9 * minPart, 9 * minPart, 5},
		"in parts, first":         {9 * minPart, 9 * minPart, 1},
		"in parts, now longer":    {9 * minPart, 11 * minPart, 4},
		"in parts, now shorter":   {9 * minPart, 5 * minPart, 4},
		"in parts, now one piece": {9 * minPart, 10, 4},
		"in parts, now empty":     {9 * minPart, 0, 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(test.size, 1), driver.Attributes{ContentType: "old/type"})
			w.source.Inject(memdriver.Fault{Call: "Get", First: test.request, Times: 1, Effect: memdriver.Do(func() {
				if _, err := w.source.Put("src", "object", content(test.newSize, 2), driver.Attributes{ContentType: "new/type"}); err != nil {
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

// TestObjectThatKeepsChangingFails: after three new plans the object is reported,
// not chased for ever.
func TestObjectThatKeepsChangingFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(10, 0), driver.Attributes{})
	var mu sync.Mutex
	version := byte(0)
	w.source.Inject(memdriver.Fault{Call: "Get", Effect: memdriver.Do(func() {
		mu.Lock()
		defer mu.Unlock()
		version++
		if _, err := w.source.Put("src", "object", content(10, version), driver.Attributes{}); err != nil {
			t.Error(err)
		}
	})})
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Objects.Failed != 1 || report.Objects.Replanned != 3 || len(w.destination.Keys("dst")) != 0 {
		t.Errorf("failed %d, planned again %d, destination %q", report.Objects.Failed, report.Objects.Replanned, w.destination.Keys("dst"))
	}
}

// TestRewrittenBetweenRunsIsNotResumed interrupts an upload, rewrites the source
// object, and goes on.
func TestRewrittenBetweenRunsIsNotResumed(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"same size": 20 * minPart, "other size": 21 * minPart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(20*minPart, 1), driver.Attributes{ContentType: "old/type"})
			ctx, interrupt := context.WithCancel(t.Context())
			release := make(chan struct{})
			defer close(release)
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Do(interrupt)})
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Hold(release)})
			if _, err := w.trySync(ctx); err == nil {
				t.Fatal("the run was not interrupted")
			}
			w.destination.Heal()
			w.put("object", content(size, 2), driver.Attributes{ContentType: "new/type"})
			report := w.sync()
			w.same()
			if report.Objects.Replanned == 0 || report.Bytes.Resumed != 0 {
				t.Errorf("planned again %d, resumed %d bytes", report.Objects.Replanned, report.Bytes.Resumed)
			}
		})
	}
}

// TestForeignUploadsSurvive: only uploads of the very key that were begun after
// the recorded intent are ours to abort.
func TestForeignUploadsSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(9*minPart, 1), driver.Attributes{})
	bucket := w.open(w.destination.Endpoint(), "dst")
	defer bucket.Close()
	for _, key := range []string{"object-2", "objec", "object", "foreign"} {
		if _, err := bucket.(driver.Uploader).CreateUpload(t.Context(), driver.CreateUploadRequest{Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	// Stores tell when an upload began in whole seconds; ours begin in a later one.
	<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	w.destination.Inject(memdriver.Fault{Call: "CreateUpload", Key: "object", Times: 2, Effect: memdriver.LoseAnswer()})
	w.sync()
	var open []string
	for _, upload := range w.destination.Uploads("dst") {
		open = append(open, upload.Key)
	}
	if len(open) != 4 {
		t.Errorf("open uploads %q, want the four foreign ones", open)
	}
}

// TestReplacedPartIsCopiedAgain: a part that somebody replaced at the destination
// between two runs is not taken over for the one on record.
func TestReplacedPartIsCopiedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("object", content(20*minPart, 1), driver.Attributes{})
	ctx, interrupt := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 12, Effect: memdriver.Do(interrupt)})
	w.destination.Inject(memdriver.Fault{Call: "Part", First: 12, Effect: memdriver.Hold(release)})
	if _, err := w.trySync(ctx); err == nil {
		t.Fatal("the run was not interrupted")
	}
	w.destination.Heal()
	bucket := w.open(w.destination.Endpoint(), "dst")
	defer bucket.Close()
	upload := w.destination.Uploads("dst")[0]
	signed, err := bucket.(driver.Uploader).SignPart(t.Context(), driver.PartRequest{Upload: upload.UploadRef, Number: 1, Size: minPart})
	if err != nil {
		t.Fatal(err)
	}
	client, err := exchange.NewClient(driver.Transport{Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	other := exchange.Request{Body: bytes.NewReader(content(minPart, 9)), Size: minPart}
	if _, err := client.Do(t.Context(), signed, other); err != nil {
		t.Fatal(err)
	}
	if report := w.sync(); report.Bytes.Resumed == 0 {
		t.Error("nothing was resumed")
	}
	w.same()
}
