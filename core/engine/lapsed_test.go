package engine_test

import (
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestObjectOfAnotherHasWhatWasAsked: a run is killed before it hears that its upload was
// completed, and another program writes the same bytes. The next run takes them for its copy
// only where it sees that they have all that was asked for; it blames nobody for what they
// lack, whether or not it saw before what the destination keeps.
func TestObjectOfAnotherHasWhatWasAsked(t *testing.T) {
	t.Parallel()
	const small, large = 5 * minPart, 20 << 20
	plain := driver.Attributes{ContentType: "text/plain"}
	owned := driver.Attributes{ContentType: "text/plain", Metadata: []driver.Metadata{{Name: "owner", Value: "me"}}}
	tagged := driver.Attributes{ContentType: "text/plain", Tags: []driver.Tag{{Key: "k", Value: "v"}}}
	for name, test := range map[string]struct {
		size         int
		asked, found driver.Attributes
		change       func(w *world)
		again        bool // it is copied again
	}{
		"all that was asked for":         {small, owned, owned, func(*world) {}, false},
		"all that was asked for, inside": {large, owned, owned, (*world).insideOf, false},
		"metadata":                       {small, owned, plain, func(*world) {}, true},
		"metadata, inside":               {large, owned, plain, (*world).insideOf, true},
		"metadata, and tags are copied":  {small, owned, plain, func(w *world) { w.settings.Tags = true }, true},
		"tags":                           {small, tagged, plain, func(w *world) { w.settings.Tags = true }, true},
		"a class":                        {small, plain, plain, func(w *world) { w.settings.StorageClass = "COOL" }, true},
		"the class that is not shown":    {small, plain, plain, func(w *world) { w.settings.StorageClass = "HOT" }, false},
		"an ACL":                         {small, plain, plain, func(w *world) { w.to = "mem://dst?acl=private" }, true},
		"metadata, under a policy":       {small, owned, plain, func(w *world) { w.settings.Unmappable = job.UnmappableDrop }, true},
	} {
		for _, saw := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", after another object"}[saw], func(t *testing.T) {
				t.Parallel()
				w, left := newWorld(t), ""
				w.settings.Transfers = 1
				test.change(w)
				w.put("big", content(test.size, 1), test.asked)
				w.snapshotAt("CompleteUpload", 1, &left)
				w.sync()
				w.state = left
				w.destination.Heal()
				if _, err := w.destination.Put("dst", "big", content(test.size, 1), test.found); err != nil {
					t.Fatal(err)
				}
				if saw {
					w.put("a", content(10, 1), test.asked)
				}
				created := w.destination.Count("CreateUpload")
				if report := w.sync(); report.Objects.Adapted > 0 {
					t.Errorf("%+v", report.Adapted)
				}
				w.same()
				tags, err := w.destination.Tags("dst", "big")
				if err != nil || len(tags) != len(test.asked.Tags) {
					t.Errorf("tags %v, %v", tags, err)
				}
				object, _, err := w.destination.Get("dst", "big")
				if err != nil || w.settings.StorageClass == "COOL" && object.StorageClass != "COOL" {
					t.Errorf("class %q, %v", object.StorageClass, err)
				}
				if n := w.destination.Count("CreateUpload") - created; (n > 0) != test.again {
					t.Errorf("%d uploads were created; copied again: want %t", n, test.again)
				}
			})
		}
	}
}

// TestOlderObjectIsOfAnotherClass: an older object of the same bytes and attributes in the
// class that looks do not show is not the one that was to be made in another.
func TestOlderObjectIsOfAnotherClass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.StorageClass = "COOL"
	w.put("big", content(5*minPart, 1), driver.Attributes{ContentType: "text/plain"})
	w.destination.Inject(memdriver.Fault{Call: "CreateUpload", Effect: memdriver.Do(func() {
		if _, err := w.destination.Put("dst", "big", content(5*minPart, 1), driver.Attributes{ContentType: "text/plain"}); err != nil {
			t.Error(err)
		}
	})})
	w.destination.Inject(memdriver.Fault{Call: "CompleteUpload", Times: 1, Effect: memdriver.Fail(500, "InternalError")})
	w.sync()
	if object, _, err := w.destination.Get("dst", "big"); err != nil || object.StorageClass != "COOL" {
		t.Errorf("told as copied to class %q, %v", object.StorageClass, err)
	}
	w.noUploads()
}
