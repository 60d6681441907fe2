package drivertest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

func keyCases() []testCase {
	ownBucket := func(h Harness) bool { return h.Prefix == "" }
	rules := func(s driver.Session) bool {
		r := s.KeyRules
		return r.MaxBytes > 0 || r.MaxSegment > 0 || r.NoEmptySegment || r.NoDotSegment || r.NoLeadingSlash ||
			r.NoTrailingSlash || r.NoControl || r.NoInvalidUTF8 || len(r.Forbidden) > 0
	}
	return []testCase{
		{name: "keys-kept", proves: "every key that the rules allow is kept byte for byte", run: keysKept},
		{name: "keys-at-root", proves: "keys that begin with a slash or dots are kept too", given: ownBucket, run: keysAtRoot},
		{name: "keys-refused", proves: "a key that the rules forbid is refused, never renamed", declared: rules, run: keysRefused},
		{name: "keys-parent", proves: "an object and one below its name live side by side", declared: allowsParents, run: keysParent},
		{name: "keys-invalid", proves: "the empty key is refused", run: keysInvalid},
	}
}

func allowsParents(s driver.Session) bool { return !s.KeyRules.NoParentConflict }

func itoa(n int) string { return strconv.Itoa(n) }

// hostileNames are key endings that stores, clients and libraries spoil.
func hostileNames() []string {
	return []string{
		"space in key", " leading", "trailing ", "plus+plus", "percent%", "percent%25", "%2F", "a%2Fb", "a%2fb", "question?mark=1",
		"hash#tag", "amp&er=sand", `quote"s`, "apostrophe's", "semi;colon", "com,ma", "colon:", "at@", "dollar$", "star*", "excl!",
		"(round)", "[square]", "{curly}", "<angle>", "pipe|", "caret^", "back`tick", "tilde~", `back\slash`, `..\up`,
		"UPPER", "upper", "dot.", "two..dots", ".hidden", "-dash", "null", "index.html",
		"emoji-\U0001f680", "\u00e9", "e\u0301", "\u212b", "\u00c5", "日本語", "\u200bzero-width", "\ufeffbom", "\uffff", "\u2028",
		"new\nline", "tab\t", "return\r", "bell\a", "null\x00byte", "delete\x7f", "c1\u0085", "invalid\xff\xfe", "half\xe2\x82",
		"folder", "folder/", "folder//", "folder//a", "folder/a", "folder/./a", "folder/../a", "folder/..", "folder/.", "a/", "a/b/",
		"&e=1&token=x", "key?uploads", "key?uploadId=1&partNumber=1", "?acl", "a&mem-signature=b", "x" + strings.Repeat("/y", 200),
		strings.Repeat("s", 255), strings.Repeat("s", 256), "seg/" + strings.Repeat("é", 127),
	}
}

// longest returns the longest key below the prefix that the rules allow.
func (k *check) longest(name string) string {
	limit := k.session.KeyRules.MaxBytes
	if limit == 0 {
		limit = 1024
	}
	segment := k.session.KeyRules.MaxSegment
	if segment == 0 {
		segment = limit
	}
	key := k.key(name)
	for len(key) < limit {
		n := min(limit-len(key), segment)
		if len(key)+n < limit {
			key += strings.Repeat("l", n-1) + "/"
		} else {
			key += strings.Repeat("l", n)
		}
		if strings.HasSuffix(key, "/") && len(key) == limit {
			key = key[:limit-1] + "l"
		}
	}
	return key
}

func keysKept(k *check) {
	var keys []string
	for _, name := range hostileNames() {
		keys = append(keys, k.key(name))
	}
	k.keepKeys(k.prefix, append(keys, k.longest("longest-")))
}

func keysAtRoot(k *check) {
	root := strings.TrimSuffix(k.prefix, "/")
	k.keepKeys(k.harness.Prefix, []string{"/" + root, "//" + root, root, "./" + root, "../" + root, ".", "..", "...", "/./" + root, "/../" + root, root + "/.."})
}

// keepKeys stores an object under each key that the rules allow and then looks
// for each of them in every way: an alias overwrites another or is listed below
// the prefix.
func (k *check) keepKeys(prefix string, candidates []string) {
	var keys []string
	for _, key := range candidates {
		if k.session.KeyRules.Violation(key) == "" && !k.conflicts(key, keys) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if _, err := k.tryPut(key, []byte(key), driver.Attributes{}); err != nil {
			k.fatalf("put %q: %v", key, err)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if answer, err := k.tryGet(key, Send{}); err != nil || !bytes.Equal(answer.Body, []byte(key)) {
			k.errorf("get %q returned %q, %v", key, answer.Body, err)
		}
		if object, err := k.bucket.Stat(k.ctx, driver.StatRequest{Key: key}); err != nil || object.Key != key || object.Size != int64(len(key)) {
			k.errorf("stat %q returned %q with %d bytes, %v", key, object.Key, object.Size, err)
		}
	}
	k.wantListed(prefix, keys)
	var half []string
	for i, key := range keys {
		if i%2 == 0 {
			half = append(half, key)
			continue
		}
		k.must(k.bucket.Delete(k.ctx, driver.DeleteRequest{Key: key}), "delete %q", key)
	}
	k.wantListed(prefix, half)
}

// conflicts says that the key is a parent or child of another where the store
// cannot hold both.
func (k *check) conflicts(key string, others []string) bool {
	return k.session.KeyRules.NoParentConflict && slices.ContainsFunc(others, func(other string) bool {
		return strings.HasPrefix(other, strings.TrimSuffix(key, "/")+"/") || strings.HasPrefix(key, strings.TrimSuffix(other, "/")+"/")
	})
}

// wantListed checks that below the prefix a listing shows exactly these keys,
// but for those of other cases.
func (k *check) wantListed(prefix string, want []string) {
	others := allCases()
	var got []string
	for _, key := range keysOf(k.list(driver.ListRequest{Prefix: prefix, MaxKeys: 100})) {
		foreign := slices.ContainsFunc(others, func(c testCase) bool {
			space := k.harness.Prefix + c.name + "/"
			return space != k.prefix && strings.HasPrefix(key, space)
		})
		if !foreign {
			got = append(got, key)
		}
	}
	k.wantKeys("listing", got, want)
}

func keysRefused(k *check) {
	longest := k.longest("over-")
	names := append(hostileNames(), "/lead", strings.TrimPrefix(longest, k.prefix)+"x")
	for i, name := range names {
		parent := k.key(itoa(i)) + "/"
		key := parent + name
		if len(key) > len(longest)+1 {
			key = longest + "x"
		}
		if k.session.KeyRules.Violation(key) == "" {
			continue
		}
		answer, err := k.tryPut(key, []byte(key), driver.Attributes{})
		if err != nil {
			k.wantKind(err, fmt.Sprintf("put of the forbidden key %q", key), driver.KindInvalidArgument, driver.KindUnsupported)
			continue
		}
		got := keysOf(k.list(driver.ListRequest{Prefix: parent}))
		if !slices.Equal(got, []string{key}) {
			k.errorf("put of the forbidden key %q is answered with %d, and %q is listed", key, answer.Status, got)
		}
		k.wantObject(key, []byte(key))
	}
}

func keysParent(k *check) {
	for i, order := range [][2]string{{"a", "a/b"}, {"a/b", "a"}} {
		first, second := k.key(itoa(i)+order[0]), k.key(itoa(i)+order[1])
		k.put(first, data(first, 10), driver.Attributes{})
		k.put(second, data(second, 20), driver.Attributes{})
		k.wantObject(first, data(first, 10))
		k.wantObject(second, data(second, 20))
	}
}

func keysInvalid(k *check) {
	_, err := k.bucket.SignPut(k.ctx, driver.PutRequest{Size: 1})
	k.wantKind(err, "SignPut of the empty key", driver.KindInvalidArgument)
	_, err = k.bucket.SignGet(k.ctx, driver.GetRequest{})
	k.wantKind(err, "SignGet of the empty key", driver.KindInvalidArgument)
	_, err = k.bucket.Stat(k.ctx, driver.StatRequest{})
	k.wantKind(err, "Stat of the empty key", driver.KindInvalidArgument)
	k.wantKind(k.bucket.Delete(k.ctx, driver.DeleteRequest{}), "Delete of the empty key", driver.KindInvalidArgument)
}
