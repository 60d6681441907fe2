package integration

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/tests/servers"
)

// hostile are keys that some stores refuse, fold into others or lose.
var hostile = []string{
	"a//b", "a/../b", "a/./b", "../up", "..", ".", "/lead", "//", "trail/", "c/", "c", "c/d", "a b", "a+b", "a%2Fb", "a%b", "a?b=c", "a#b",
	"a&b", `a"b`, "a'b", `a\b`, "a\nb", "a\x01b", "a\x7fb", "ä", "a\u0308", "😀/😀", "\xff\xfe", "&amp;", "<key>", "a;b", "a:b", "*", "~", "$HOME",
	strings.Repeat("k", 256), strings.Repeat("k", 255), strings.Repeat("k", 1024), strings.Repeat("segment-of-some-length/", 44) + "end",
}

// plain are hostile keys that every store can hold under their own names.
var plain = []string{
	"a b", "a+b", "a%2Fb", "a%b", "a?b=c", "a#b", "a&b", `a"b`, "a'b", "ä", "a\u0308", "😀/😀", "&amp;", "<key>", "a;b", "a:b", "*", "~", "$HOME",
	strings.Repeat("k", 255), strings.Repeat("segment-of-some-length/", 44) + "end",
}

// TestHostileKeysPassPlugins: the boundary between host and plugins spoils no key.
func TestHostileKeysPassPlugins(t *testing.T) {
	t.Parallel()
	source, destination := startMem(t, "SRC"), startMem(t, "DST")
	p := newProgram(t, append(source.keys(), destination.keys()...)...)
	for _, key := range hostile {
		source.put(key, content(key, 100))
	}
	source.put("parts/ä?#%\xff", content("parts", 6<<20))
	p.must(0, append([]string{"sync", source.at(""), destination.at("")}, inParts...)...)
	if diff := cmp.Diff(source.Keys(bucket), destination.Keys(bucket)); diff != "" {
		t.Errorf("keys (-source +destination):\n%s", diff)
	}
	for _, key := range source.Keys(bucket) {
		if string(source.get(key)) != string(destination.get(key)) {
			t.Errorf("%q holds other bytes", key)
		}
	}
	if report := p.must(0, "sync", source.at(""), destination.at(""), "--json").report(t); report.Objects.Copied != 0 {
		t.Errorf("the second sync copied %d objects", report.Objects.Copied)
	}
}

// TestStoresHoldOrReportHostileKeys: on real stores each key either arrives under its
// own name or is reported; none is folded into another one.
func TestStoresHoldOrReportHostileKeys(t *testing.T) {
	t.Parallel()
	for _, product := range []servers.Product{servers.VersityGW, servers.MinIO} {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			source, destination := startMem(t, "SRC"), startReal(t, product, "DST")
			p := newProgram(t, append(source.keys(), destination.keys()...)...)
			for _, key := range hostile {
				source.put(key, content(key, 100))
			}
			got := p.must(1, "sync", source.at(""), destination.at(""), "--json")
			problems := problemsOf(t, got)
			arrived := map[string]bool{}
			for _, key := range destination.listed() {
				arrived[asJSON(t, key)] = true
				checkContent(t, destination, key, 100)
			}
			for _, key := range hostile {
				if key = asJSON(t, key); arrived[key] == (problems[key] != "") {
					t.Errorf("%q: arrived is %v, and the problem told is %q", key, arrived[key], problems[key])
				}
			}
			for _, key := range plain {
				if !arrived[key] {
					t.Errorf("%q did not arrive: %s", key, problems[key])
				}
			}
			if n := len(hostile); len(arrived)+len(problems) != n {
				t.Errorf("%d keys arrived and %d are reported, of %d", len(arrived), len(problems), n)
			}
			// The next run finds the same: nothing that is spoiled passes for done.
			again := problemsOf(t, p.must(1, "sync", source.at(""), destination.at(""), "--json"))
			if diff := cmp.Diff(slices.Sorted(maps.Keys(problems)), slices.Sorted(maps.Keys(again))); diff != "" {
				t.Errorf("problems of the second run (-first +second):\n%s", diff)
			}
		})
	}
}

// TestUnknownStoreThatFoldsKeys: of a store without a profile of its own the keys' rules
// are not known, so what it folds is found out before a neighbour is overwritten.
func TestUnknownStoreThatFoldsKeys(t *testing.T) {
	t.Parallel()
	source, destination := startMem(t, "SRC"), startReal(t, servers.VersityGW, "DST")
	destination.profile = "generic"
	p := newProgram(t, append(source.keys(), destination.keys()...)...)
	folded := map[string]string{
		"empty//segment": `an empty segment ("//")`, "dot/./segment": `the segment "."`, "/lead": `a "/" at the beginning`,
	}
	kept := []string{"kept/key", "empty/segment", "dot/segment", "lead"}
	for _, key := range append(slices.Collect(maps.Keys(folded)), kept...) {
		source.put(key, content(key, 100))
	}
	problems := problemsOf(t, p.must(1, "sync", source.at(""), destination.at(""), "--json"))
	if got := slices.Sorted(maps.Keys(problems)); !slices.Equal(got, slices.Sorted(maps.Keys(folded))) {
		t.Errorf("reported %q, want %q", got, folded)
	}
	for key, problem := range problems {
		if want := "the store cannot hold this key: it has " + folded[key] + ", and the store was found"; !strings.Contains(problem, want) {
			t.Errorf("%q: %s\nwant %s", key, problem, want)
		}
	}
	for _, key := range kept {
		checkContent(t, destination, key, 100)
	}
	if got := destination.listed(); len(got) != len(kept) {
		t.Errorf("the destination has %q, want %q", got, kept)
	}
}

// problemsOf returns the problems of a report by key.
func problemsOf(t *testing.T, got run) map[string]string {
	t.Helper()
	report := got.report(t)
	problems := map[string]string{}
	for _, problem := range report.Problems {
		problems[problem.Key] = problem.Error
	}
	if n := report.Objects.Failed + report.Objects.Skipped; n != int64(len(problems)) {
		t.Errorf("%d problems are listed, %d counted", len(problems), n)
	}
	return problems
}

// asJSON returns the text as a report shows it: JSON cannot carry what is not UTF-8.
func asJSON(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(encoded, &text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// checkContent checks that the object holds the bytes that belong to its key.
func checkContent(t *testing.T, store *realStore, key string, size int) {
	t.Helper()
	got, err := store.get(t.Context(), key)
	if err != nil || got.SHA256 != sha256.Sum256(content(key, size)) {
		t.Errorf("%q holds other bytes than those of its key: %v", key, err)
	}
}
