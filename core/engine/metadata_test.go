package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// dressed has something of everything that travels beside bytes.
func dressed() driver.Attributes {
	return driver.Attributes{
		ContentType: "text/x", ContentEncoding: "gzip", CacheControl: "no-cache", Metadata: []driver.Metadata{{Name: "owner", Value: "me"}},
		Tags: []driver.Tag{{Key: "team", Value: "seven"}}, StorageClass: "COOL",
	}
}

// TestMetadataNone: neither headers nor metadata nor tags travel, on any way, and a store that
// puts headers of its own into downloads is not asked for the object's.
func TestMetadataNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source = startServerAs(t, "src", memdriver.Config{ForceDownload: true})
	w.settings.Metadata, w.settings.MultipartThreshold = job.MetadataNone, 1<<20
	w.settings.StorageClass = job.ClassOfSource // is no metadata
	sizes := []int{0, 100, 300 << 10, 1<<20 + 1}
	for _, size := range sizes {
		w.put(fmt.Sprint(size), content(size, 1), dressed())
	}
	report := w.sync()
	for _, size := range sizes {
		object, data, err := w.destination.Get("dst", fmt.Sprint(size))
		if err != nil || string(data) != string(content(size, 1)) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if got, bare := fmt.Sprint(object.Attributes), fmt.Sprint(driver.Attributes{}); got != bare || object.StorageClass != "COOL" {
			t.Errorf("%d bytes: attributes %s of class %q", size, got, object.StorageClass)
		}
	}
	if stats, parts := report.Requests.Source["stat"], int64(1); stats > parts { // the checksum of the object in parts
		t.Errorf("%d Stat requests to the source", stats)
	}
	if report.Objects.Adapted != 0 {
		t.Errorf("%d objects count as adapted, though this was asked for", report.Objects.Adapted)
	}
}

// TestMetadataNoneInsideAStore: a store copies what an object carries with it, so objects
// pass through the host.
func TestMetadataNoneInsideAStore(t *testing.T) {
	t.Parallel()
	w := newStore(t)
	w.settings.Metadata = job.MetadataNone
	w.with(func(e *engine.Engine) {
		forecast, err := e.Plan(t.Context())
		if err != nil || !strings.HasPrefix(forecast.ThroughHost, "metadata is none") {
			t.Errorf("plan says %q, %v", forecast.ThroughHost, err)
		}
	})
	report := w.sync()
	if report.Objects.Inside != 0 || report.Objects.Copied != 4 {
		t.Errorf("%+v", report.Objects)
	}
	for _, key := range w.source.Keys("dst") {
		if object, _, err := w.source.Get("dst", key); err != nil || object.Attributes.ContentType != "" || len(object.Attributes.Metadata) > 0 {
			t.Errorf("%q: %+v, %v", key, object.Attributes, err)
		}
	}
}

// TestUploadOnOtherTerms: an upload that was begun with metadata, or with another ACL, is
// not gone on with when the next run asks for something else.
func TestUploadOnOtherTerms(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"metadata": func(w *world) { w.settings.Metadata = job.MetadataNone },
		"acl":      func(w *world) { w.to = "mem://dst?acl=private" },
		"tags":     func(w *world) { w.settings.Tags = true },
		"nothing":  func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("object", content(20*minPart, 1), dressed())
			ctx, interrupt := context.WithCancel(t.Context())
			release := make(chan struct{})
			defer close(release)
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Do(interrupt)})
			w.destination.Inject(memdriver.Fault{Call: "Part", First: 8, Effect: memdriver.Hold(release)})
			if _, err := w.trySync(ctx); err == nil {
				t.Fatal("the run was not interrupted")
			}
			w.destination.Heal()
			change(w)
			report := w.sync()
			if again := report.Bytes.Resumed == 0; again != (name != "nothing") {
				t.Errorf("%d bytes were taken over", report.Bytes.Resumed)
			}
			w.noUploads()
			object, _, err := w.destination.Get("dst", "object")
			if bare := object.Attributes.ContentType == ""; err != nil || bare != (name == "metadata") {
				t.Errorf("attributes %+v, %v", object.Attributes, err)
			}
		})
	}
}
