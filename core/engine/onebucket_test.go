package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/engine"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// renamed gives the destination's store another identity.
func renamed(session *driver.Session) { session.Identity = "other-name/src" }

// refusedAsOne checks that a run was refused as one between two locations of one bucket.
func refusedAsOne(t *testing.T, err error) {
	t.Helper()
	var refusal *job.Error
	if !errors.As(err, &refusal) || !refusal.Usage || !strings.Contains(err.Error(), "other-name/src are one bucket under two names") {
		t.Errorf("error %v", err)
	}
}

// TestOneBucketIsNotCopiedOntoItself: under two names it is refused as under one, before
// anything of the user's is written.
func TestOneBucketIsNotCopiedOntoItself(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, to string }{
		"destination below the source": {"", "/a/"},
		"source below the destination": {"/a/", ""},
		"a folder of the source":       {"/a/", "/a/a/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.destination, w.rules = w.source, renamed
			w.from, w.to = "mem://src"+test.from, "mem://src"+test.to
			for i, key := range []string{"k", "a/k", "a/a/k"} {
				w.put(key, content(10, byte(i)), driver.Attributes{ContentType: "text/x"})
			}
			before := w.holdings()
			report, err := w.trySync(t.Context())
			refusedAsOne(t, err)
			if report.State != "failed" || report.Objects.Copied != 0 {
				t.Errorf("%s %+v", report.State, report.Objects)
			}
			if diff := cmp.Diff(before, w.holdings()); diff != "" {
				t.Errorf("the source (-before +after):\n%s", diff)
			}
		})
	}
}

// holdings are the objects of the source by key.
func (w *world) holdings() map[string]string {
	w.t.Helper()
	held := map[string]string{}
	for _, key := range w.source.Keys("src") {
		object, data, err := w.source.Get("src", key)
		if err != nil {
			w.t.Fatal(err)
		}
		held[key] = object.Attributes.ContentType + "\n" + string(data)
	}
	return held
}

// TestObjectIsNotCopiedOntoItself: without its metadata it would lose what it has.
func TestObjectIsNotCopiedOntoItself(t *testing.T) {
	t.Parallel()
	for to, refused := range map[string]bool{"k": true, "k2": false} {
		w := newWorld(t)
		w.destination, w.rules, w.object = w.source, renamed, true
		w.from, w.to = "mem://src/k", "mem://src/"+to
		w.settings.Metadata = job.MetadataNone
		w.put("k", content(10, 1), driver.Attributes{ContentType: "text/x"})
		before := w.holdings()
		w.with(func(e *engine.Engine) {
			_, err := e.Copy(t.Context())
			if refused {
				refusedAsOne(t, err)
			} else if err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(before, w.holdings()); refused == (diff != "") {
			t.Errorf("to %q (-before +after):\n%s", to, diff)
		}
	}
}

// TestFleetDoesNotCopyOneBucketOntoItself: the finder sends nothing.
func TestFleetDoesNotCopyOneBucketOntoItself(t *testing.T) {
	t.Parallel()
	f := newFleetWorld(t)
	f.destination, f.rules = f.source, renamed
	f.to = "mem://src/a/"
	f.put("k", content(10, 1), driver.Attributes{})
	_, err := f.process().Find(t.Context(), false)
	refusedAsOne(t, err)
	if depth, err := f.queue.join().Depth(t.Context()); err != nil || depth.Waiting != 0 {
		t.Errorf("%+v, %v, want an empty queue", depth, err)
	}
}

// namesakes returns a world of two buckets of one name at two stores.
func namesakes(t *testing.T, to string) *world {
	t.Helper()
	w := newWorld(t)
	w.destination = startServer(t, "src")
	w.from, w.to = "mem://src", "mem://src"+to
	w.rules = renamed
	return w
}

// TestNamesakesAreToldApart for few requests, and for none where they cannot be one.
func TestNamesakesAreToldApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from, to string
		both     []byte // what the destination has under the key; nil for nothing
		own      int    // objects of dth's own
	}{
		"by a key":                  {"", "", nil, 0},
		"by another object":         {"", "", content(9, 2), 0},
		"a key that looks the same": {"", "", content(10, 2), 1},
		"below a prefix":            {"", "/backup/", nil, 1},
		"prefixes that cannot meet": {"/x/", "/backup/", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := namesakes(t, test.to)
			began := time.Now()
			still := memdriver.Config{Now: func() time.Time { return began }} // no object is older than another
			w.source, w.destination = startServerAs(t, "src", still), startServerAs(t, "src", still)
			w.from += test.from
			below := strings.TrimPrefix(test.from, "/")
			for _, key := range []string{"a", "b", "c"} {
				w.put(below+key, content(10, 1), driver.Attributes{})
			}
			if test.both != nil {
				if _, err := w.destination.Put("src", "a", test.both, driver.Attributes{}); err != nil {
					t.Fatal(err)
				}
			}
			if report := w.sync(); report.Objects.Copied != 3 || len(report.Warnings) > 0 {
				t.Errorf("%+v, warnings %q", report.Objects, report.Warnings)
			}
			if got := w.destination.Count("Put"); got != 3+test.own {
				t.Errorf("%d PUTs, want those of 3 objects and %d of dth's own", got, test.own)
			}
			if keys := w.destination.Keys("src"); len(keys) != 3 || slices.ContainsFunc(keys, isCanary) {
				t.Errorf("destination %q", keys)
			}
			before := w.destination.Count("Put")
			if report := w.sync(); report.Objects.Equal != 3 || w.destination.Count("Put") != before {
				t.Errorf("%+v, and a run that writes nothing wrote", report.Objects)
			}
		})
	}
}

// TestNamesakesThatAreNotToldApartAreCopied: who may do no more than write still can, and is
// told what to check. Deletions keep to their guard.
func TestNamesakesThatAreNotToldApartAreCopied(t *testing.T) {
	t.Parallel()
	denied := memdriver.Fail(403, "AccessDenied")
	for name, test := range map[string]struct {
		faults   []memdriver.Fault
		atSource bool
		warnings int
	}{
		"it cannot be written":       {[]memdriver.Fault{{Call: "Put", Times: 2, Effect: denied}}, false, 1},
		"it is not seen":             {[]memdriver.Fault{{Call: "Stat", Effect: denied}}, true, 1},
		"it cannot be removed":       {[]memdriver.Fault{{Call: "Delete", Effect: denied}}, false, 1},
		"the destination only takes": {[]memdriver.Fault{{Call: "Delete", Effect: denied}, {Call: "Stat", Effect: denied}}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := namesakes(t, "/backup/")
			w.put("a", content(10, 1), driver.Attributes{})
			w.put("b", content(10, 1), driver.Attributes{})
			server := w.destination
			if test.atSource {
				server = w.source
			}
			for _, fault := range test.faults {
				server.Inject(fault)
			}
			if report := w.sync(); report.Objects.Copied != 2 || len(report.Warnings) != test.warnings {
				t.Errorf("%+v, warnings %q", report.Objects, report.Warnings)
			}
		})
	}
	t.Run("deletions", func(t *testing.T) {
		t.Parallel()
		w := namesakes(t, "/backup/")
		for _, key := range []string{"a", "backup/x"} {
			w.put(key, content(10, 1), driver.Attributes{})
		}
		for _, key := range []string{"backup/backup/x", "backup/x"} {
			if _, err := w.destination.Put("src", key, content(10, 1), driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
		}
		w.settings.Delete, w.settings.MaxDelete = true, job.MaxDelete{Share: 1, Written: "100%"}
		w.source.Inject(memdriver.Fault{Call: "Stat", Effect: memdriver.Fail(403, "AccessDenied")})
		report, err := w.trySync(t.Context())
		var guard *engine.GuardError
		if !errors.As(err, &guard) || report.Objects.Copied == 0 || len(report.Warnings) != 1 {
			t.Errorf("%v, %+v, warnings %q", err, report.Objects, report.Warnings)
		}
		if keys := w.destination.Keys("src"); !slices.Contains(keys, "backup/x") {
			t.Errorf("deleted, though not proved: %q", keys)
		}
	})
}
