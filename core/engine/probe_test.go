package engine_test

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// folding is a store whose rules are not known and that takes keys for others.
type folding struct {
	store
	fold func(key string) string
}

func (f folding) Session() driver.Session {
	session := f.store.Session()
	session.KeyRules.LookUp = true
	return session
}

func (f folding) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	request.Key = f.fold(request.Key)
	return f.store.SignPut(ctx, request)
}

func (f folding) CreateUpload(ctx context.Context, request driver.CreateUploadRequest) (driver.Upload, error) {
	request.Key = f.fold(request.Key)
	return f.store.CreateUpload(ctx, request)
}

func (f folding) Stat(ctx context.Context, request driver.StatRequest) (driver.Object, error) {
	request.Key = f.fold(request.Key)
	return f.store.Stat(ctx, request)
}

func (f folding) Delete(ctx context.Context, request driver.DeleteRequest) error {
	request.Key = f.fold(request.Key)
	return f.store.Delete(ctx, request)
}

// folds returns what stands before a store that folds keys so.
func folds(fold func(string) string) func(store) driver.Bucket {
	return func(s store) driver.Bucket { return folding{s, fold} }
}

func itself(key string) string { return key }

func replacing(from, to string) func(string) string {
	return func(key string) string { return strings.ReplaceAll(key, from, to) }
}

// ofSegments applies a function to what stands between slashes.
func ofSegments(change func(string) string) func(string) string {
	return func(key string) string {
		segments := strings.Split(key, "/")
		for i := range segments {
			segments[i] = change(segments[i])
		}
		return strings.Join(segments, "/")
	}
}

// confusions are keys that some store takes for another one.
var confusions = map[string]struct {
	odd, neighbour string
	fold           func(string) string
}{
	"an empty segment":        {"a//b", "a/b", replacing("//", "/")},
	"a slash at the start":    {"/lead", "lead", func(key string) string { return strings.TrimLeft(key, "/") }},
	"two at the start":        {"//lead", "/lead", replacing("//", "/")},
	"a slash at the end":      {"a/", "a", func(key string) string { return strings.TrimRight(key, "/") }},
	"a dot":                   {"a/./b", "a/b", path.Clean},
	"two dots":                {"a/../b", "b", path.Clean},
	"a backslash":             {`a\b`, "a/b", replacing(`\`, "/")},
	"a line feed":             {"a\nb", "ab", replacing("\n", "")},
	"a tab that is a blank":   {"a\tb", "a b", replacing("\t", " ")},
	"NUL ends it":             {"a\x00b", "a", func(key string) string { key, _, _ = strings.Cut(key, "\x00"); return key }},
	"not UTF-8":               {"a\xff", "a\ufffd", func(key string) string { return strings.ToValidUTF8(key, "\ufffd") }},
	"not UTF-8, left out":     {"a\xff", "a", func(key string) string { return strings.ToValidUTF8(key, "") }},
	"a long segment":          {"d/" + strings.Repeat("x", 300), "d/" + strings.Repeat("x", 255), ofSegments(func(s string) string { return s[:min(len(s), 255)] })},
	"a dot at the end":        {"a.", "a", ofSegments(func(s string) string { return strings.TrimRight(s, ".") })},
	"a dot in a folder":       {"a./b", "a/b", ofSegments(func(s string) string { return strings.TrimRight(s, ".") })},
	"a blank at the end":      {"a ", "a", ofSegments(strings.TrimSpace)},
	"a blank at the start":    {" a", "a", ofSegments(strings.TrimSpace)},
	"upper case":              {"README", "readme", strings.ToLower},
	"accents joined":          {"e\u0301", "\u00e9", replacing("e\u0301", "\u00e9")},
	"accents taken apart":     {"\u00e9", "e\u0301", replacing("\u00e9", "e\u0301")},
	"an escape":               {"a%2Fb", "a/b", replacing("%2F", "/")},
	"plus is a blank":         {"a+b", "a b", replacing("+", " ")},
	"a query":                 {"a?b", "a", func(key string) string { key, _, _ = strings.Cut(key, "?"); return key }},
	"a fragment":              {"a#b", "a", func(key string) string { key, _, _ = strings.Cut(key, "#"); return key }},
	"a parameter":             {"a;v=1", "a", ofSegments(func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })},
	"refused, not mistaken":   {"a//b", "a/b", nil},
	"two kinds, second bites": {"a//b\\c", "a//b/c", replacing(`\`, "/")},
}

// refusing is a store that refuses empty segments, which its rules do not say.
type refusing struct{ folding }

func (r refusing) SignPut(ctx context.Context, request driver.PutRequest) (driver.Exchange, error) {
	if strings.Contains(request.Key, "//") {
		return driver.Exchange{}, &driver.Error{Op: "SignPut", Key: request.Key, Kind: driver.KindInvalidArgument, Message: "no such keys here"}
	}
	return r.store.SignPut(ctx, request)
}

// TestNeighboursAreNotOverwritten: before an object is written under a key that the store
// takes for another one, dth finds that out with objects of its own, and nothing of the
// user's is touched.
func TestNeighboursAreNotOverwritten(t *testing.T) {
	t.Parallel()
	for name, test := range confusions {
		for _, prefix := range []string{"", "below/"} {
			if prefix != "" && test.odd[0] == '/' {
				continue // an empty segment there
			}
			for way, size := range map[string]int{"small": 100, "in parts": 9 * minPart} {
				t.Run(name+", "+prefix+way, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.to += "/" + prefix
					w.atTarget = folds(test.fold)
					if test.fold == nil {
						w.atTarget = func(s store) driver.Bucket { return refusing{folding{s, itself}} }
					}
					w.put(test.odd, content(size, 1), driver.Attributes{})
					neighbour := content(size, 2)
					if _, err := w.destination.Put("dst", prefix+test.neighbour, neighbour, driver.Attributes{}); err != nil {
						t.Fatal(err)
					}
					report, err := w.trySync(t.Context())
					if err != nil || report.Objects.Failed != 1 || report.Objects.Unmappable != 1 {
						t.Fatalf("%+v %+v, %v, want one unmappable", report.Objects, report.Problems, err)
					}
					if text := report.Problems[0].Error; !strings.Contains(text, "the store cannot hold this key: it has") || !strings.Contains(text, "--unmappable drop") {
						t.Errorf("error %q does not say why and what to do", text)
					}
					w.onlyHolds(prefix+test.neighbour, neighbour)
				})
			}
		}
	}
}

// onlyHolds checks that the destination has one object, with these bytes.
func (w *world) onlyHolds(key string, data []byte) {
	w.t.Helper()
	if diff := cmp.Diff([]string{key}, w.destination.Keys("dst")); diff != "" {
		w.t.Errorf("destination (-want +got):\n%s", diff)
	}
	if _, got, err := w.destination.Get("dst", key); err != nil || !slices.Equal(got, data) {
		w.t.Errorf("the neighbour was overwritten (%v)", err)
	}
}

// TestUnusualKeysThatAreKept: a store of unknown rules that keeps such keys apart gets them
// all, for a few requests a kind of key, and nothing of the trial stays.
func TestUnusualKeysThatAreKept(t *testing.T) {
	t.Parallel()
	for _, consistent := range []bool{true, false} {
		t.Run(fmt.Sprint("consistent ", consistent), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rules = func(s *driver.Session) { s.Limits.StronglyConsistent = consistent }
			w.atTarget = folds(itself)
			for _, test := range confusions {
				w.put(test.odd, content(100, 1), driver.Attributes{})
				w.put(test.neighbour, content(100, 2), driver.Attributes{})
			}
			w.put("marker/", nil, driver.Attributes{})
			w.sync()
			w.same()
		})
	}
}

// TestTrialsAreOneAKind: many keys of one kind cost one trial.
func TestTrialsAreOneAKind(t *testing.T) {
	t.Parallel()
	const objects = 200
	w := newWorld(t)
	w.atTarget = folds(itself)
	for i := range objects {
		w.put(fmt.Sprintf("a//%d", i), content(10, 1), driver.Attributes{})
	}
	w.sync()
	w.same()
	if got := w.destination.Count("Put"); got != objects+2 {
		t.Errorf("%d PUTs for %d objects, want two more", got, objects)
	}
	if got := w.destination.Count("Delete"); got != 2 {
		t.Errorf("%d deletions, want those of two objects of dth's own", got)
	}
}

// TestTrialsFollowThePolicy: an object of an unusual kind that the user wants left out is skipped,
// and cannot be encoded, because its rule is not known.
func TestTrialsFollowThePolicy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[job.Unmappable]string{job.UnmappableDrop: "skipped", job.UnmappableEncode: "failed"} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.settings.Unmappable = policy
			w.atTarget = folds(replacing("//", "/"))
			w.put("a//b", content(10, 1), driver.Attributes{})
			report, err := w.trySync(t.Context())
			if err != nil || len(report.Problems) != 1 || string(report.Problems[0].Outcome) != want {
				t.Errorf("%+v, %v, want one %s", report.Problems, err, want)
			}
		})
	}
}

// TestTrialOutlivesFaults: a store in trouble is asked again, and the trial is removed
// whatever happens.
func TestTrialOutlivesFaults(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Put", "List", "Delete"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.atTarget = folds(replacing("//", "/"))
			neighbour := content(10, 2)
			w.put("a//b", content(10, 1), driver.Attributes{})
			if _, err := w.destination.Put("dst", "a/b", neighbour, driver.Attributes{}); err != nil {
				t.Fatal(err)
			}
			w.destination.Inject(memdriver.Fault{Call: call, First: 2, Times: 3, Effect: memdriver.Fail(503, "SlowDown")})
			if report, err := w.trySync(t.Context()); err != nil || report.Objects.Unmappable != 1 {
				t.Errorf("%+v, %v, want one unmappable", report.Objects, err)
			}
			w.onlyHolds("a/b", neighbour)
		})
	}
}

// TestInterruptedTrialIsRemoved: nothing of it stays after Ctrl-C.
func TestInterruptedTrialIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.atTarget = folds(itself)
	w.put("a//b", content(10, 1), driver.Attributes{})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	w.destination.Inject(memdriver.Fault{Call: "Put", First: 2, Effect: memdriver.Do(interrupt)})
	w.destination.Inject(memdriver.Fault{Call: "Put", First: 2, Effect: memdriver.Fail(503, "SlowDown")})
	if _, err := w.trySync(ctx); err == nil {
		t.Error("the run was not interrupted")
	}
	if keys := w.destination.Keys("dst"); len(keys) > 0 {
		t.Errorf("%q stayed behind", keys)
	}
}

// TestTrialThatCannotBeRemoved: where dth may not delete, it leaves one trial behind, says
// what to allow, and writes no others.
func TestTrialThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.Transfers = 1
	w.atTarget = folds(itself)
	w.destination.Inject(memdriver.Fault{Call: "Delete", Effect: memdriver.Fail(403, "AccessDenied")})
	w.put("a//b", content(10, 1), driver.Attributes{})
	w.put("b//c", content(10, 1), driver.Attributes{})
	w.put("z/", content(10, 1), driver.Attributes{})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Copied != 2 || report.Objects.Unmappable != 1 {
		t.Fatalf("%+v, %v, want two copied and one unmappable", report.Objects, err)
	}
	if text := report.Problems[0].Error; !strings.Contains(text, "allow deletions of keys that contain .dth-probe-") {
		t.Errorf("error %q does not say what to allow", text)
	}
	if got := w.destination.Count("Put"); got != 4 {
		t.Errorf("%d PUTs, want those of two objects and of one trial", got)
	}
}

// circling is a store whose listings below dth's own objects lead from one page to another
// and back.
type circling struct {
	folding
	pages *atomic.Int32
}

func (c circling) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := c.store.List(ctx, driver.ListRequest{Prefix: request.Prefix})
	if strings.Contains(request.Prefix, ".dth-probe-") {
		page.Next = map[string]string{"": "a", "a": "b", "b": "a"}[request.Token]
		if c.pages.Add(1) > 1000 {
			return page, &driver.Error{Op: "List", Kind: driver.KindFatal, Message: "the test itself: pages are asked for without end"}
		}
	}
	return page, err
}

// TestTryingKeysEnds: a listing that has no end is refused where dth tries keys, too.
func TestTryingKeysEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var pages atomic.Int32
	w.atTarget = func(s store) driver.Bucket { return circling{folding{s, itself}, &pages} }
	w.put("a//b", content(10, 1), driver.Attributes{})
	report, err := w.trySync(t.Context())
	if err != nil || report.Objects.Failed != 1 {
		t.Fatalf("%+v %+v, %v, want one that failed", report.Objects, report.Problems, err)
	}
	if text := report.Problems[0].Error; !strings.Contains(text, "so the list has no end") {
		t.Errorf("error %q", text)
	}
}
