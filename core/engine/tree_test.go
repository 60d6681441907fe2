package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// folders is a store of unknown rules on a file system: it has no object beside others below
// it, and makes room for the one that is written, or refuses it.
type folders struct {
	store
	server       *memdriver.Server
	refuses      bool
	above, under bool // where it makes room
}

func (f folders) Session() driver.Session {
	session := f.store.Session()
	session.KeyRules.LookUp = true
	return session
}

func (f folders) makeRoom(key string) error {
	for _, other := range f.server.Keys("dst") {
		inTheWay := f.above && strings.HasPrefix(key, other+"/") || f.under && strings.HasPrefix(other, key+"/")
		if !inTheWay {
			continue
		}
		if f.refuses {
			return &driver.Error{Op: "Put", Key: key, Kind: driver.KindInvalidArgument, Message: "is a folder, or below an object"}
		}
		if err := f.server.Remove("dst", other); err != nil {
			return err
		}
	}
	return nil
}

func (f folders) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	if err := f.makeRoom(request.Key); err != nil {
		return driver.Exchange{}, err
	}
	return f.store.SignPut(ctx, request)
}

func (f folders) CompleteUpload(ctx context.Context, request driver.CompleteUploadRequest) (driver.Object, error) {
	if err := f.makeRoom(request.Upload.Key); err != nil {
		return driver.Object{}, err
	}
	return f.store.CompleteUpload(ctx, request)
}

// onFolders has the destination be a tree.
func (w *world) onFolders(f folders) {
	w.atTarget = func(s store) driver.Bucket {
		f.store, f.server = s, w.destination
		return f
	}
}

// pairs are objects and others below them, with what a tree can hold of them.
var pairs = map[string]struct {
	source, destination []string // keys that each has before
	want                []string // that the destination has then
	refused             []string
}{
	"next to each other":            {[]string{"a", "a/b"}, nil, []string{"a"}, []string{"a/b"}},
	"others between":                {[]string{"a", "a-x", "a.txt", "a/b", "a0"}, nil, []string{"a", "a-x", "a.txt", "a0"}, []string{"a/b"}},
	"deep below":                    {[]string{"a", "a/b/c", "z"}, nil, []string{"a", "z"}, []string{"a/b/c"}},
	"above at the destination":      {[]string{"a/b", "c"}, []string{"a"}, []string{"a", "c"}, []string{"a/b"}},
	"below at the destination":      {[]string{"a", "a-x", "c"}, []string{"a/b"}, []string{"a-x", "a/b", "c"}, []string{"a"}},
	"held, with a new one above":    {[]string{"a", "a/b"}, []string{"a/b"}, []string{"a/b"}, []string{"a"}},
	"a new one beside that":         {[]string{"a", "a/a", "a/b"}, []string{"a/b"}, []string{"a/a", "a/b"}, []string{"a"}},
	"the last of the listing":       {[]string{"a"}, []string{"a/b"}, []string{"a/b"}, []string{"a"}},
	"several":                       {[]string{"a", "a/b", "b", "b/c", "b/d"}, []string{"b/d"}, []string{"a", "b/c", "b/d"}, []string{"a/b", "b"}},
	"one above another at its turn": {[]string{"a", "a/b", "a/b/c"}, nil, []string{"a"}, []string{"a/b", "a/b/c"}},
}

// TestTreesLoseNothing: where the store is found to hold no object beside others below it,
// what would destroy another object is refused, whichever comes first.
func TestTreesLoseNothing(t *testing.T) {
	t.Parallel()
	natures := map[string]folders{
		"makes room":            {above: true, under: true},
		"makes room above only": {above: true},
		"makes room below only": {under: true},
		"refuses":               {above: true, under: true, refuses: true},
		"refuses, below only":   {under: true, refuses: true},
	}
	for name, test := range pairs {
		for nature, kind := range natures {
			for _, prefix := range []string{"", "x/"} {
				t.Run(name+", "+nature+" "+prefix, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.to += "/" + prefix
					w.onFolders(kind)
					for i, key := range test.source {
						w.put(key, content(9*minPart*(i%2)+10, byte(len(key))), driver.Attributes{})
					}
					for _, key := range test.destination {
						data := content(10, byte(len(key)))
						if _, got, err := w.source.Get("src", key); err == nil {
							data = got
						}
						if _, err := w.destination.Put("dst", prefix+key, data, driver.Attributes{}); err != nil {
							t.Fatal(err)
						}
					}
					for range 2 { // a second run decides the same
						report, err := w.trySync(t.Context())
						if err != nil || report.Objects.Unmappable != int64(len(test.refused)) {
							t.Fatalf("%+v %+v, %v, want %q refused", report.Objects, report.Problems, err, test.refused)
						}
						got := map[string]bool{}
						for _, problem := range report.Problems {
							got[problem.Key] = true
						}
						if diff := cmp.Diff(test.refused, slices.Sorted(maps.Keys(got))); diff != "" {
							t.Errorf("refused (-want +got):\n%s", diff)
						}
						w.holds(prefix, test.want)
						report, err = w.retry(report.Run)
						if err != nil || report.Objects.Unmappable != int64(len(test.refused)) {
							t.Errorf("retry: %+v %+v, %v", report.Objects, report.Problems, err)
						}
						w.holds(prefix, test.want)
					}
				})
			}
		}
	}
}

// holds checks which keys the destination has below a prefix, and that nothing else is there.
func (w *world) holds(prefix string, want []string) {
	w.t.Helper()
	var all []string
	for _, key := range want {
		all = append(all, prefix+key)
	}
	if diff := cmp.Diff(all, w.destination.Keys("dst")); diff != "" {
		w.t.Errorf("destination (-want +got):\n%s", diff)
	}
}

// TestStoresThatKeepPairs: a store of unknown rules that is no tree gets all, for one trial.
func TestStoresThatKeepPairs(t *testing.T) {
	t.Parallel()
	for _, consistent := range []bool{true, false} {
		w := newWorld(t)
		w.rules = func(s *driver.Session) { s.Limits.StronglyConsistent = consistent }
		w.onFolders(folders{})
		for i := range 100 {
			for _, key := range []string{"%d", "%d-x", "%d/a", "%d/a/b"} {
				w.put(fmt.Sprintf(key, i), content(10, 1), driver.Attributes{})
			}
		}
		w.sync()
		w.same()
		if got := w.destination.Count("Put"); got != 404 {
			t.Errorf("%d PUTs, want those of 400 objects and of 4 of dth's own", got)
		}
	}
}

// TestNoPairNoTrial: keys without such a pair cost no request more than those of a store
// whose rules are known.
func TestNoPairNoTrial(t *testing.T) {
	t.Parallel()
	var requests []int
	for _, unknown := range []bool{false, true} {
		w := newWorld(t)
		if unknown {
			w.onFolders(folders{})
		}
		for _, key := range []string{"a", "a-x", "a0", "b/a", "b/ab", "c/", "c/d"} {
			w.put(key, content(10, 1), driver.Attributes{})
		}
		if _, err := w.destination.Put("dst", "c/", content(10, 1), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
		w.sync()
		w.same()
		requests = append(requests, w.destination.Count("Put")+w.destination.Count("List")+w.destination.Count("Delete")+w.destination.Count("Stat"))
	}
	if requests[0] != requests[1] {
		t.Errorf("%d requests where the rules are known, %d where they are not", requests[0], requests[1])
	}
}

// TestPairsThatCannotBeTried fail, and nothing of the user's is lost, also when they are
// tried again.
func TestPairsThatCannotBeTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onFolders(folders{above: true, under: true})
	w.put("a/b", content(10, 1), driver.Attributes{})
	w.put("c", content(10, 1), driver.Attributes{})
	if _, err := w.destination.Put("dst", "a", content(10, 2), driver.Attributes{}); err != nil {
		t.Fatal(err)
	}
	w.destination.Inject(memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Fail(500, "InternalError")})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != 1 || report.Objects.Copied != 1 || report.Objects.Unmappable != 1 {
		t.Errorf("%+v %+v, %v", report.Objects, report.Problems, err)
	}
	w.destination.Heal()
	report, err = w.retry(report.Run)
	if err != nil || report.Objects.Unmappable != 1 {
		t.Errorf("retry: %+v %+v, %v", report.Objects, report.Problems, err)
	}
	if keys := w.destination.Keys("dst"); !slices.Contains(keys, "a") || slices.Contains(keys, "a/b") {
		t.Errorf("destination %q", keys)
	}
}

// TestLocationBelowAnObject: where the destination's own folder is an object, nothing is
// written below it, not even what dth finds out about keys with.
func TestLocationBelowAnObject(t *testing.T) {
	t.Parallel()
	for _, isTree := range []bool{true, false} {
		w := newWorld(t)
		w.onFolders(folders{above: isTree, under: isTree})
		w.to += "/x/y/"
		if _, err := w.destination.Put("dst", "x", content(10, 2), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
		w.put("README", content(10, 1), driver.Attributes{})
		_, err := w.trySync(t.Context())
		want := []string{"x", "x/y/README"}
		if isTree {
			want = want[:1]
			if err == nil || !strings.Contains(err.Error(), `it holds no key below the object "x"`) {
				t.Errorf("error %v", err)
			}
		}
		w.holds("", want)
	}
}

// TestNewObjectsDoNotWaitForTheListing: the last key of a page is copied though nobody knows
// yet whether others below it follow.
func TestNewObjectsDoNotWaitForTheListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onFolders(folders{above: true, under: true})
	for _, key := range append(keys("b", 999), keys("d", 100)...) {
		w.put(key, nil, driver.Attributes{})
	}
	w.sync()
	w.put("c", content(10, 1), driver.Attributes{})
	release, copied := make(chan struct{}), make(chan struct{})
	w.source.Inject(memdriver.Fault{Call: "List", First: 2, Effect: memdriver.Hold(release)})
	w.destination.Inject(memdriver.Fault{Call: "Put", Key: "c", Effect: memdriver.Do(func() { close(copied) })})
	ended := make(chan error, 1)
	go func() {
		_, err := w.trySync(t.Context())
		ended <- err
	}()
	select {
	case <-copied:
	case err := <-ended:
		t.Fatalf("the run ended before the listing did: %v", err)
	case <-time.After(20 * time.Second):
		t.Error("the object waits for the listing")
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.same()
}

// TestStoresThatDoNotLetLook: who may write and not look is not kept from writing.
func TestStoresThatDoNotLetLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onFolders(folders{})
	w.put("a/b", content(10, 1), driver.Attributes{})
	w.destination.Inject(memdriver.Fault{Call: "Put", Key: "a/b", Effect: memdriver.Fail(500, "InternalError")})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != 1 {
		t.Fatalf("%v, %+v", err, report.Objects)
	}
	w.destination.Heal()
	for _, call := range []string{"List", "Stat"} {
		w.destination.Inject(memdriver.Fault{Call: call, Effect: memdriver.Fail(403, "AccessDenied")})
	}
	if report, err = w.retry(report.Run); err != nil || report.Objects.Copied != 1 {
		t.Errorf("%v, %+v %+v", err, report.Objects, report.Problems)
	}
}
