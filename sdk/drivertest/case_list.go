package drivertest

import (
	"slices"
	"strings"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
)

func listCases() []testCase {
	consistent := func(s driver.Session) bool { return s.Limits.StronglyConsistent }
	startAfter := func(s driver.Session) bool { return s.Limits.ListStartAfter }
	ordered := func(s driver.Session) bool { return s.Limits.ListOrdered }
	return []testCase{
		{name: "list-pages", proves: "pages of any size show every key once", run: listPages},
		{name: "list-order", proves: "keys ascend in byte order", declared: ordered, run: listOrder},
		{name: "list-prefix", proves: "a prefix is plain text: no more and no less", run: listPrefix},
		{name: "list-start-after", proves: "a listing can start after any key, exclusively", declared: startAfter, run: listStartAfter},
		{name: "list-facts", proves: "a listing shows size, ETag and time as Stat does", run: listFacts},
		{name: "list-consistent", proves: "a listing shows writes and deletions at once", declared: consistent, run: listConsistent},
		{name: "list-empty", proves: "a prefix without keys is an empty listing", run: listEmpty},
	}
}

// listNames are names whose order differs between bytes, letters and folders.
var listNames = []string{
	"a", "a!", "a-b", "a.b", "a/b", "a/b/c", "a/c", "a0", "aa", "A", "B", "Z", "b", "z", "~",
	"é", "日本", "\U0001f680", "\uff5e", "0", "1", "10", "2",
}

// fillNames stores an object for each name that the store can hold, and returns
// the keys in byte order.
func (k *check) fillNames() []string {
	var keys []string
	for _, name := range listNames {
		key := k.key(name)
		parent := name == "a" || name == "a/b"
		if k.session.KeyRules.Violation(key) != "" || parent && k.session.KeyRules.NoParentConflict {
			continue
		}
		k.put(key, data(key, len(name)), driver.Attributes{})
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// wantKeys compares a listing with the keys that it must show. The order counts
// where the store declares one.
func (k *check) wantKeys(doing string, got, want []string) {
	if !k.session.Limits.ListOrdered {
		got = slices.Sorted(slices.Values(got))
	}
	if !slices.Equal(got, want) {
		k.errorf("%s returned %d keys\n\t%q, want %d\n\t%q", doing, len(got), got, len(want), want)
	}
}

func listPages(k *check) {
	want := k.fillNames()
	for _, size := range []int{1, 2, 3, 7, len(want) - 1, len(want), 1000, 0} {
		got := k.list(driver.ListRequest{Prefix: k.prefix, MaxKeys: size})
		k.wantKeys("listing pages of "+itoa(size), slices.Sorted(slices.Values(keysOf(got))), want)
	}
}

func listOrder(k *check) {
	want := k.fillNames()
	for _, size := range []int{1, 4, 0} {
		got := keysOf(k.list(driver.ListRequest{Prefix: k.prefix, MaxKeys: size}))
		k.wantKeys("listing pages of "+itoa(size), got, want)
	}
}

func listPrefix(k *check) {
	all := k.fillNames()
	for _, name := range []string{"a", "a/", "a/b", "a-", "A", "é", "no such", ""} {
		prefix := k.key(name)
		var want []string
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		k.wantKeys("listing prefix "+name, keysOf(k.list(driver.ListRequest{Prefix: prefix, MaxKeys: 3})), want)
	}
}

func listStartAfter(k *check) {
	all := k.fillNames()
	starts := append([]string{k.prefix, k.key("a/"), k.key("a/a"), k.key("a0a"), k.key("\U0010ffff")}, all...)
	for _, start := range starts {
		var want []string
		for _, key := range all {
			if key > start {
				want = append(want, key)
			}
		}
		for _, size := range []int{2, 0} {
			got := keysOf(k.list(driver.ListRequest{Prefix: k.prefix, StartAfter: start, MaxKeys: size}))
			k.wantKeys("listing after "+start, got, want)
		}
	}
	if got := k.list(driver.ListRequest{Prefix: k.key("a"), StartAfter: k.key("b")}); len(got) != 0 {
		k.errorf("listing prefix a after b returned %q", keysOf(got))
	}
	if got := k.list(driver.ListRequest{Prefix: k.key("z"), StartAfter: k.key("b")}); len(got) != 1 {
		k.errorf("listing prefix z after b returned %q, want the one key z", keysOf(got))
	}
}

func listFacts(k *check) {
	for _, size := range []int{0, 1, 5000} {
		key := k.key(itoa(size))
		k.put(key, data(key, size), driver.Attributes{ContentType: "text/plain"})
	}
	listed := k.list(driver.ListRequest{Prefix: k.prefix})
	if len(listed) != 3 {
		k.fatalf("listing returned %q, want three keys", keysOf(listed))
	}
	for _, got := range listed {
		want := k.stat(got.Key)
		if got.Size != want.Size || got.ETag != want.ETag || got.StorageClass != want.StorageClass {
			k.errorf("%q is listed with %d bytes, ETag %q, class %q; stat says %d, %q, %q",
				got.Key, got.Size, got.ETag, got.StorageClass, want.Size, want.ETag, want.StorageClass)
		}
		// Stat reads Last-Modified, which has whole seconds; a listing may have more.
		if got.Modified.IsZero() || got.Modified.Sub(want.Modified).Abs() > time.Second {
			k.errorf("%q is listed as modified at %s, stat says %s", got.Key, got.Modified, want.Modified)
		}
	}
}

func listConsistent(k *check) {
	stays, goes := k.key("stays"), k.key("goes")
	k.put(stays, data("first", 10), driver.Attributes{})
	k.wantKeys("listing after the first PUT", keysOf(k.list(driver.ListRequest{Prefix: k.prefix})), []string{stays})
	k.put(goes, data(goes, 10), driver.Attributes{})
	k.wantKeys("listing after the second PUT", keysOf(k.list(driver.ListRequest{Prefix: k.prefix})), []string{goes, stays})
	k.must(k.bucket.Delete(k.ctx, driver.DeleteRequest{Key: goes}), "delete")
	etag := k.put(stays, data("second", 20), driver.Attributes{}).ETag
	listed := k.list(driver.ListRequest{Prefix: k.prefix})
	k.wantKeys("listing after a deletion", keysOf(listed), []string{stays})
	if len(listed) == 1 && (listed[0].Size != 20 || listed[0].ETag != etag) {
		k.errorf("a listing after an overwrite shows %d bytes, ETag %q, want 20 and %q", listed[0].Size, listed[0].ETag, etag)
	}
}

func listEmpty(k *check) {
	if got := k.list(driver.ListRequest{Prefix: k.key("nothing")}); len(got) != 0 {
		k.errorf("listing a prefix without keys returned %q", keysOf(got))
	}
}
