package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// sizes cover empty, whole and multipart objects with every edge of a part.
var sizes = []int{0, 1, minPart - 1, minPart, 4*minPart - 1, 4 * minPart, 4*minPart + 1, 7*minPart + 13}

func TestSyncCopiesEverythingWithEvidence(t *testing.T) {
	t.Parallel()
	for _, framing := range []string{"raw", "form", "trailer"} {
		t.Run(framing, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.framing = framing
			for i, size := range sizes {
				w.put(fmt.Sprintf("object-%d", i), content(size, byte(i)), driver.Attributes{
					ContentType: "text/plain", CacheControl: "max-age=60", ContentDisposition: `attachment; filename="a b"`,
					ContentEncoding: "gzip", ContentLanguage: "de", Expires: "Thu, 01 Dec 2033 16:00:00 GMT",
					Metadata: []driver.Metadata{{Name: "owner", Value: "ünï"}, {Name: "team", Value: "a b"}},
				})
			}
			report := w.sync()
			w.same()
			if n := int64(len(sizes)); report.Objects.Copied != n || report.Evidence.BothEnds != n {
				t.Errorf("copied %d, both ends %d, want %d of each", report.Objects.Copied, report.Evidence.BothEnds, n)
			}
		})
	}
}

func TestSecondSyncAsksOnlyForListings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, size := range sizes {
		w.put(fmt.Sprintf("object-%d", i), content(size, byte(i)), driver.Attributes{})
	}
	w.sync()
	report := w.sync()
	if report.Objects.Copied != 0 || report.Objects.Equal != int64(len(sizes)) {
		t.Errorf("copied %d, equal %d, want 0 and %d", report.Objects.Copied, report.Objects.Equal, len(sizes))
	}
	for side, requests := range map[string]map[string]int64{"source": report.Requests.Source, "destination": report.Requests.Destination} {
		if len(requests) != 1 || requests["list"] != 1 {
			t.Errorf("%s: requests %v, want one listing", side, requests)
		}
	}
}

func TestSyncCopiesWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("same", content(10, 1), driver.Attributes{})
	w.put("changed", content(10, 1), driver.Attributes{})
	w.put("large", content(5*minPart, 1), driver.Attributes{})
	w.sync()
	w.put("changed", content(10, 2), driver.Attributes{})
	w.put("large", content(5*minPart, 2), driver.Attributes{})
	w.put("new", content(3, 3), driver.Attributes{})
	if report := w.sync(); report.Objects.Copied != 3 || report.Objects.Equal != 1 {
		t.Errorf("copied %d, equal %d, want 3 and 1", report.Objects.Copied, report.Objects.Equal)
	}
	w.same()
}

func TestSyncRepairsTheDestination(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("small", content(10, 1), driver.Attributes{})
	w.put("large", content(5*minPart, 1), driver.Attributes{})
	w.sync()
	for key, size := range map[string]int{"small": 10, "large": 5 * minPart} {
		if _, err := w.destination.Put("dst", key, content(size, 9), driver.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	if report := w.sync(); report.Objects.Copied != 2 {
		t.Errorf("copied %d, want 2", report.Objects.Copied)
	}
	w.same()
}

// hostile are keys that other tools lose, fold or trip over.
var hostile = []string{
	"a//b", "a/../b", "a/./b", "../up", "..", ".", "/lead", "//", "trail/", "a/", "a", "a/b", "a b", "a+b", "a%2Fb", "a%b", "a?b=c", "a#b",
	"a&b", `a"b`, "a'b", `a\b`, "a\nb", "a\x01b", "a\x7fb", "ä", "a\u0308", "😀/😀", "\xff\xfe", "&amp;", "<key>", "a;b", "a:b", "*", "~", "$HOME",
	strings.Repeat("k", 1024), strings.Repeat("segment-of-some-length/", 44),
}

func TestSyncKeepsHostileKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, key := range hostile {
		w.put(key, content(i, byte(i)), driver.Attributes{})
	}
	w.put("many-parts/ä?#%", content(5*minPart, 1), driver.Attributes{})
	w.sync()
	w.same()
	if report := w.sync(); report.Objects.Copied != 0 {
		t.Errorf("the second sync copied %d objects", report.Objects.Copied)
	}
}

func TestSyncMapsPrefixes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to string
		want     []string
	}{
		"below":              {"mem://src/dir/", "mem://dst/new/", []string{"new/file", "new/fo", "new/foo/x"}},
		"whole bucket below": {"mem://src", "mem://dst/new/", []string{"new/dir/file", "new/dir/fo", "new/dir/foo/x", "new/dirt"}},
		"starts with":        {"mem://src/dir/fo*", "mem://dst/", []string{"fo", "foo/x"}},
		"starts with, deep":  {"mem://src/dir/fo*", "mem://dst/new/", []string{"new/fo", "new/foo/x"}},
		"starts with, top":   {"mem://src/dir*", "mem://dst/", []string{"dir/file", "dir/fo", "dir/foo/x", "dirt"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.from, w.to = test.from, test.to
			for _, key := range []string{"dir/file", "dir/fo", "dir/foo/x", "dirt"} {
				w.put(key, content(5, 1), driver.Attributes{})
			}
			w.sync()
			if got := w.destination.Keys("dst"); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("keys %q, want %q", got, test.want)
			}
			if report := w.sync(); report.Objects.Copied != 0 || report.Objects.Extra != 0 {
				t.Errorf("the second sync copied %d objects and found %d extra", report.Objects.Copied, report.Objects.Extra)
			}
		})
	}
}
