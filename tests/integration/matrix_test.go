package integration

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/sdk/driver"
)

var update = flag.Bool("update", false, "rewrite docs/matrix.md")

// matrixPage is where the table of all pairs is kept.
const matrixPage = "../../docs/matrix.md"

// everywhere are hostile keys that every store can hold under their own names.
var everywhere = []string{
	"a b", "a+b", "a%2Fb", "a%b", "a?b=c", "a#b", "a&b", `a"b`, "a'b", "ä", "a\u0308", "😀/😀", "&amp;", "<key>", "a;b", "a:b", "*", "~", "$HOME",
	"a&e=1&token=x:y", strings.Repeat("k", 255), strings.Repeat("segment-of-some-length/", 28) + "end",
}

// somewhere are keys that some store must refuse. They are not sent through the plugin
// of Amazon S3, whose server here folds them, while Amazon keeps them.
var somewhere = []string{"/lead", `\lead`, "a\x1ab", "a\x7fb", strings.Repeat("segment/", 107) + "end", strings.Repeat("segment/", 120) + "end", "trail/"}

// seed fills a reference store with what a matrix pair must carry.
func seed(store *memStore, keys []string) {
	sizes := map[string]int{
		"size/0": 0, "size/1": 1, "size/part-1": 5<<20 - 1, "size/part": 5 << 20, "size/part+1": 5<<20 + 1, "size/parts": 11<<20 + 3,
	}
	for key, size := range sizes {
		store.put(key, content(key, size))
	}
	for _, key := range keys {
		store.put(key, content(key, 100))
	}
	for name, size := range map[string]int{"whole": 1000, "parts": 6 << 20} {
		attributes := driver.Attributes{
			ContentType: "text/html; charset=utf-8", ContentEncoding: "identity", ContentDisposition: `attachment; filename="x.html"`,
			CacheControl: "max-age=60", Expires: "Thu, 01 Dec 2033 16:00:00 GMT",
			Metadata: []driver.Metadata{{Name: "mtime", Value: "1700000000.5"}, {Name: "owner", Value: "team seven"}},
		}
		if _, err := store.Put(bucket, "metadata/"+name, content(name, size), attributes); err != nil {
			store.t.Fatal(err)
		}
	}
}

// matrixRow is what one pair did.
type matrixRow struct {
	from, to   string
	evidence   observe.Evidence
	objects    int64
	unmappable int64
}

// TestAnyToAny copies from every store to every other through the real plugins, and
// what arrived back to a reference store, where every byte and attribute is compared.
func TestAnyToAny(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var rows []matrixRow
	t.Run("pairs", func(t *testing.T) {
		for _, from := range vendors {
			for _, to := range vendors {
				t.Run(from+" to "+to, func(t *testing.T) {
					t.Parallel()
					row := copyPair(t, startVendor(t, from, "FIRST"), startVendor(t, to, "SECOND"))
					mu.Lock()
					rows = append(rows, row)
					mu.Unlock()
				})
			}
		}
	})
	if t.Failed() || len(rows) < len(vendors)*len(vendors) {
		return // a single pair was asked for, or the table would be wrong
	}
	checkMatrixPage(t, rows)
}

// copyPair carries objects from a reference store through two vendors and back.
func copyPair(t *testing.T, first, second *vendorStore) matrixRow {
	t.Helper()
	origin, end := startMem(t, "ORIGIN"), startMem(t, "END")
	candidates := everywhere
	if first.vendor != "s3" && second.vendor != "s3" {
		candidates = slices.Concat(everywhere, somewhere)
	}
	seed(origin, candidates)
	p := newProgram(t, slices.Concat(origin.keys(), end.keys(), first.keys, second.keys)...)
	sync := func(source, destination string) (*observe.Report, map[string]string) {
		t.Helper()
		got := p.run(append([]string{"sync", source, destination, "--json", "--server-side=never", "--multipart-threshold=5MiB"}, inParts[:1]...)...)
		if got.code > 1 {
			t.Fatalf("%s to %s: exit code %d\n%s", source, destination, got.code, got.stderr)
		}
		problems := problemsOf(t, got)
		for key, problem := range problems {
			if slices.Contains(everywhere, key) || strings.HasPrefix(key, "size/") || strings.HasPrefix(key, "metadata/") {
				t.Errorf("%s to %s: %q: %s", source, destination, key, problem)
			}
		}
		return got.report(t), problems
	}
	_, lost := sync(origin.at(""), first.at(""))
	report, unmappable := sync(first.at(""), second.at("in/"))
	again, _ := sync(first.at(""), second.at("in/"))
	if again.Objects.Copied != 0 {
		t.Errorf("the second run copied %d objects", again.Objects.Copied)
	}
	if len(unmappable) == 0 {
		if got := p.run("verify", first.at(""), second.at("in/"), "--read"); got.code != 0 {
			t.Errorf("verify --read: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	sync(second.at("in/"), end.at(""))
	sameObjects(t, origin, end, slices.Concat(slices.Collect(maps.Keys(lost)), slices.Collect(maps.Keys(unmappable))))
	return matrixRow{from: first.vendor, to: second.vendor, evidence: report.Evidence, objects: report.Objects.Copied, unmappable: int64(len(unmappable))}
}

// sameObjects compares every object of two reference stores but those that were
// reported.
func sameObjects(t *testing.T, want, got *memStore, reported []string) {
	t.Helper()
	expected := slices.DeleteFunc(want.Keys(bucket), func(key string) bool { return slices.Contains(reported, asJSON(t, key)) })
	if diff := cmp.Diff(expected, got.Keys(bucket)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for _, key := range expected {
		before, data, err := want.Get(bucket, key)
		if err != nil {
			t.Fatal(err)
		}
		after, arrived, err := got.Get(bucket, key)
		if err != nil {
			continue // reported above
		}
		if !bytes.Equal(data, arrived) {
			t.Errorf("%q holds %d other bytes than the %d of its origin", key, len(arrived), len(data))
		}
		if diff := cmp.Diff(before.Attributes, after.Attributes); diff != "" {
			t.Errorf("%q: attributes (-want +got):\n%s", key, diff)
		}
	}
}

// checkMatrixPage compares the table with the page in the documents.
func checkMatrixPage(t *testing.T, rows []matrixRow) {
	t.Helper()
	slices.SortFunc(rows, func(a, b matrixRow) int { return strings.Compare(a.from+" "+a.to, b.from+" "+b.to) })
	var page strings.Builder
	page.WriteString("# Any store to any store\n\n" +
		"What `go test ./tests/integration -run AnyToAny` saw of each pair, through the real plugins: versitygw stands for Amazon S3, MinIO for\n" +
		"S3-compatible stores, the strict emulators of this repository for the others. The objects have 0 bytes to 11 MiB, whole and in parts of\n" +
		"5 MiB, hostile keys and full metadata. `-run AnyToAny -update` writes this page anew.\n\n" +
		"| from | to | copied | evidence of both ends | of one end | size only | reported as impossible |\n|---|---|---|---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&page, "| %s | %s | %d | %d | %d | %d | %d |\n", row.from, row.to, row.objects,
			row.evidence.BothEnds, row.evidence.OneEnd, row.evidence.SizeOnly, row.unmappable)
	}
	if *update {
		if err := os.WriteFile(matrixPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(matrixPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), page.String()); diff != "" {
		t.Errorf("docs/matrix.md (-kept +seen), write it anew with -update:\n%s", diff)
	}
}
