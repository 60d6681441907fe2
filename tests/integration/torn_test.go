package integration

import (
	"bytes"
	"sync"
	"testing"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// rewriting is a source object that gets another content, and a dth to copy it.
type rewriting struct {
	*program
	source, destination *memStore
	oldData, newData    []byte
}

func newRewriting(t *testing.T, oldSize, newSize int) *rewriting {
	t.Helper()
	r := &rewriting{source: startMem(t, "SRC"), destination: startMem(t, "DST"), oldData: content("old", oldSize), newData: content("new", newSize)}
	r.program = newProgram(t, append(r.source.keys(), r.destination.keys()...)...)
	r.source.put("object", r.oldData)
	return r
}

// rewrite stores the new content under the old key.
func (r *rewriting) rewrite() {
	if _, err := r.source.Put(bucket, "object", r.newData, driver.Attributes{ContentType: "text/new"}); err != nil {
		r.t.Error(err)
	}
}

func (r *rewriting) command() []string {
	return append([]string{"sync", r.source.at(""), r.destination.at(""), "--json"}, inParts...)
}

// whole checks that the destination holds the new version, and nothing of the old one.
func (r *rewriting) whole(report *observe.Report) {
	r.t.Helper()
	object, data, err := r.destination.Get(bucket, "object")
	if err != nil || !bytes.Equal(data, r.newData) || object.Attributes.ContentType != "text/new" {
		r.t.Errorf("the destination holds %d bytes of %q that are not the new version: %v", len(data), object.Attributes.ContentType, err)
	}
	if report.Objects.Replanned == 0 {
		r.t.Errorf("the report does not say that the object was planned again: %+v", report.Objects)
	}
	if open := r.destination.Uploads(bucket); len(open) > 0 {
		r.t.Errorf("uploads left open: %+v", open)
	}
}

// TestRewrittenWhileCopied rewrites the object between two reads of one run.
func TestRewrittenWhileCopied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		oldSize, newSize int
		request          int // the GET before which it is rewritten
	}{
		"small":                {1000, 1000, 1},
		"streamed":             {3 << 20, 3 << 20, 1},
		"in parts, first part": {21 << 20, 21 << 20, 1},
		"in parts, same size":  {21 << 20, 21 << 20, 3},
		"in parts, other size": {21 << 20, 16 << 20, 3},
		"in parts, now small":  {21 << 20, 10, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRewriting(t, test.oldSize, test.newSize)
			r.source.Inject(memdriver.Fault{Call: "Get", First: test.request, Times: 1, Effect: memdriver.Do(r.rewrite)})
			r.whole(r.must(0, r.command()...).report(t))
		})
	}
}

// TestRewrittenBeforeResume kills dth while it uploads parts, rewrites the object, and
// resumes: no part of the old version may end in the new one.
func TestRewrittenBeforeResume(t *testing.T) {
	t.Parallel()
	for name, newSize := range map[string]int{"same size": 31 << 20, "other size": 26 << 20, "now small": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRewriting(t, 31<<20, newSize)
			third, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			var once sync.Once
			r.destination.Inject(memdriver.Fault{Call: "Part", First: 3, Effect: memdriver.Do(func() { once.Do(func() { close(third) }) })})
			r.destination.Inject(memdriver.Fault{Call: "Part", First: 3, Effect: memdriver.Hold(release)})
			first := r.start(r.command()...)
			select {
			case <-third:
			case <-first.ended:
				t.Fatalf("dth ended by itself: %+v", first.wait())
			}
			if err := first.command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			first.wait()
			if open := r.destination.Uploads(bucket); len(open) != 1 {
				t.Fatalf("%d uploads are open after the kill, want 1", len(open))
			}
			r.destination.Heal()
			r.rewrite()
			report := r.must(0, r.command()...).report(t)
			r.whole(report)
			if report.Bytes.Resumed != 0 {
				t.Errorf("%d bytes of the old version were taken over", report.Bytes.Resumed)
			}
		})
	}
}
