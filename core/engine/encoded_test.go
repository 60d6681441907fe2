package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

// crowd are keys that collide with each other's encoded forms, or stand at another place of
// the order when they are encoded.
var crowd = []string{
	"a\x1bb", "a%1Bb", "a%251Bb", "/lead", "%2Flead", "%252Flead", "\xff", "%FF", "a//b", "a/%2Fb", "a/../b", "a/%2E%2E/b", "dir/", "dir%2F",
	`a\b`, "a%5Cb", "x&token=y", "x%26token=y", "100%", "plain", "a", "zzz",
}

func (w *world) plan() (forecast engine.Forecast) {
	w.t.Helper()
	w.with(func(e *engine.Engine) {
		var err error
		if forecast, err = e.Plan(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	})
	return forecast
}

// written checks that the destination holds every source object, once, and returns what
// it was written as. It reads escapes by itself.
func (w *world) written(report *observe.Report) map[string]string {
	w.t.Helper()
	written := map[string]string{}
	for _, key := range w.source.Keys("src") {
		written[key] = key
	}
	for _, adapted := range report.Adapted {
		written[adapted.Key] = adapted.Written
	}
	var keys []string
	for source, destination := range written {
		keys = append(keys, destination)
		_, want, err := w.source.Get("src", source)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, got, err := w.destination.Get("dst", destination); err != nil || !slices.Equal(got, want) {
			w.t.Errorf("%q, written as %q, has %d bytes, want %d: %v", source, destination, len(got), len(want), err)
		}
	}
	slices.Sort(keys)
	if diff := cmp.Diff(w.destination.Keys("dst"), keys); diff != "" {
		w.t.Errorf("destination's keys (-there +told):\n%s", diff)
	}
	return written
}

// inStep checks that sync, plan and verify agree that nothing is to do.
func (w *world) inStep(n int64) {
	w.t.Helper()
	puts := w.destination.Count("Put") + w.destination.Count("CreateUpload")
	forecast := w.plan()
	if forecast.Equal != n || forecast.ToCopy() != 0 || forecast.Extra != 0 || forecast.Unmappable != 0 {
		w.t.Errorf("plan: %+v, want %d equal and nothing else", forecast, n)
	}
	report := w.sync()
	if report.Objects.Copied != 0 || report.Objects.Equal != n || report.Objects.Extra != 0 || report.Objects.Deleted != 0 || len(report.Adapted) != 0 {
		w.t.Errorf("second sync: %+v, want %d equal and nothing else", report.Objects, n)
	}
	for _, read := range []bool{false, true} {
		if result, differences := w.verify(read); len(differences) > 0 || result.Compared != n {
			w.t.Errorf("verify --read=%v: %v, %+v", read, differences, result)
		}
	}
	if now := w.destination.Count("Put") + w.destination.Count("CreateUpload"); now != puts {
		w.t.Errorf("%d objects were written", now-puts)
	}
}

func TestEncodedKeysStayInStep(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]func(*driver.Session){"like COS": likeCOS, "like OSS": likeOSS, "like Kodo": likeKodo} {
		for _, to := range []string{"mem://dst", "mem://dst/new/"} {
			if to != "mem://dst" && name != "like OSS" {
				continue // a prefix matters to rules about segments most
			}
			t.Run(name+" "+to, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.rules, w.to = rules, to
				w.settings.Unmappable, w.settings.Delete, w.settings.MaxDelete = job.UnmappableEncode, true, job.MaxDelete{Share: 1}
				for i, key := range crowd {
					w.put(key, content(i*minPart/2, byte(i)), driver.Attributes{}) // the last ones go in parts
				}
				n := int64(len(crowd))
				encoded := w.plan().Encoded
				report := w.sync()
				if to == "mem://dst" {
					w.written(report)
				}
				if report.Objects.Copied != n || report.Objects.Adapted != encoded || encoded < 4 || int64(len(report.Adapted)) != encoded {
					t.Fatalf("%+v, planned %d encoded, listed %d", report.Objects, encoded, len(report.Adapted))
				}
				w.inStep(n)
				w.settings.Compare = job.CompareChecksum // asks both stores about every pair
				if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Equal != n {
					t.Errorf("compared by checksum: %+v", report.Objects)
				}
				w.settings.Compare = job.CompareAuto

				w.put("a\x1bb", content(7, 99), driver.Attributes{})
				w.put("/lead", content(9*minPart, 99), driver.Attributes{})
				if report := w.sync(); report.Objects.Copied != 2 || report.Objects.Deleted != 0 {
					t.Errorf("after two changes: %+v", report.Objects)
				}
				w.inStep(n)
			})
		}
	}
}

// TestDeletedSourceOfAnEncodedKey: its copy is extra, and nobody else's is.
func TestDeletedSourceOfAnEncodedKey(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"/lead", "%2Flead", "%252Flead", "\xff", "%FF", "a//b", "a/%2Fb", "a/../b", "plain"} {
		t.Run(fmt.Sprintf("%q", gone), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules, w.settings.Unmappable = likeOSS, job.UnmappableEncode
			for i, key := range crowd {
				w.put(key, content(i, byte(i)), driver.Attributes{})
			}
			written := w.written(w.sync())
			w.remove(gone)
			want := slices.DeleteFunc(w.destination.Keys("dst"), func(key string) bool { return key == written[gone] })

			if forecast := w.plan(); forecast.Extra != 1 || forecast.ToCopy() != 0 {
				t.Errorf("plan: %+v", forecast)
			}
			if _, differences := w.verify(false); !slices.Equal(differences, []string{"extra " + written[gone]}) {
				t.Errorf("verify: %q", differences)
			}
			w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Count: 1}
			if report := w.sync(); report.Objects.Extra != 1 || report.Objects.Deleted != 1 || report.Objects.Copied != 0 {
				t.Errorf("sync: %+v", report.Objects)
			}
			if diff := cmp.Diff(want, w.destination.Keys("dst")); diff != "" {
				t.Errorf("destination (-want +got):\n%s", diff)
			}
		})
	}
}

// remove deletes an object of the source.
func (w *world) remove(key string) {
	w.t.Helper()
	bucket := w.open(w.source.Endpoint(), "src")
	defer bucket.Close()
	if err := bucket.Delete(w.t.Context(), driver.DeleteRequest{Key: key}); err != nil {
		w.t.Fatal(err)
	}
}

// TestForgottenEncodeDeletesNothing: a run without encoding takes the copies for extra
// objects, but keeps those whose originals the source still has.
func TestForgottenEncodeDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules, w.settings.Unmappable = likeCOS, job.UnmappableEncode
	w.put("/lead", content(5, 1), driver.Attributes{})
	w.put("plain", content(5, 2), driver.Attributes{})
	w.sync()
	w.settings.Unmappable, w.settings.Delete, w.settings.MaxDelete = job.UnmappableDrop, true, job.MaxDelete{Share: 1}
	w.settings.IgnoreErrors = true // what is skipped would hold all deletions back
	report, err := w.trySync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Objects.Deleted != 0 || report.Objects.Skipped != 1 || report.Objects.Unmappable != 1 {
		t.Errorf("%+v", report.Objects)
	}
	if diff := cmp.Diff([]string{"%2Flead", "plain"}, w.destination.Keys("dst")); diff != "" {
		t.Errorf("destination (-want +got):\n%s", diff)
	}
}

// TestManyEncodedKeys: more than are looked up together, among more than a page of
// others; the order of both listings holds.
func TestManyEncodedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules, w.settings.Unmappable = likeCOS, job.UnmappableEncode
	for i := range 1200 {
		key := fmt.Sprintf("%04d", i)
		if i%5 == 0 {
			key = "/" + key
		}
		w.put(key, content(3, byte(i)), driver.Attributes{})
	}
	if report := w.sync(); report.Objects.Adapted != 240 {
		t.Fatalf("%+v", report.Objects)
	}
	w.inStep(1200)
}
