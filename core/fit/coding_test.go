package fit

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// strictKeys break with nearly everything, so that every escape is used.
func strictKeys() driver.KeyRules {
	return driver.KeyRules{
		MaxBytes: 1023, MaxSegment: 255, NoEmptySegment: true, NoDotSegment: true, NoLeadingSlash: true, NoTrailingSlash: true,
		NoControl: true, NoInvalidUTF8: true, Forbidden: []string{`\`, "&token=", "ä"},
	}
}

// strictMetadata is what OSS and COS take in names (https://www.alibabacloud.com/help/en/oss/0011-00000002).
func strictMetadata() driver.MetadataRules {
	return driver.MetadataRules{NameChars: "abcdefghijklmnopqrstuvwxyz0123456789-", VisibleASCII: true}
}

// FuzzKeys: whatever the prefix, no two keys are written alike, each comes back, and
// what is written is held unless it is too long.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{
		"a", "/", "//", "///", "a//", "/a//b/", "..", "../.", "a/./b", "100%", "%2F", "a%2Fb", "a%00b", "a\x00b", "a%2500b", "%25252F",
		"\xff", "\xffä\xfe", `\`, "x&token=", "&&token=token=", "%26token=", "ä", "%C3ä", "日本", ".%2E", "a/%2F", "%", "%%", "%2", "%2f", "/%2Fa",
	} {
		f.Add("", key, "a")
		f.Add("new/", key, "%25")
		f.Add("x", "/"+key, key)
	}
	f.Fuzz(func(t *testing.T, prefix, one, other string) {
		fitter, err := New(job.Job{Settings: job.Settings{Unmappable: job.UnmappableEncode}}, driver.Session{}, driver.Session{KeyRules: strictKeys()}, prefix)
		if err != nil {
			t.Fatal(err)
		}
		checkCoding(t, fitter.keys, one, other)
		written, err := fitter.Key(one)
		if err == nil && fitter.Original(written) != one {
			t.Errorf("%q is written as %q, which is read as %q", one, written, fitter.Original(written))
		}
		// The prefix is the user's own: where it breaks rules by itself, all keys fail.
		short := len(prefix)+3*len(one) <= 255
		if err != nil && one != "" && short && prefix == "" {
			t.Errorf("Key(%q) = %v", one, err)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	for _, text := range []string{
		"owner", "my_name", "my-x5f-name", "-x", "-x-", "-x5f", "-x5f-", "-x2d-x5f-", "-_", "_x", "__", "-x2d-", "--x5f-", "_", "x5f-", "a.b",
		" v ", "ü", "%C3%BC", "100%", "\xff", "1\t2", " ", "",
	} {
		f.Add(text, "a")
		f.Add(text+"x", text)
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, rules := range []driver.MetadataRules{strictMetadata(), {}} {
			checkCoding(t, nameCoding(rules), one, other)
			checkCoding(t, valueCoding(rules), one, other)
			pair := driver.Metadata{Name: "n" + one, Value: one}
			if problem := rules.Violation(encoded(rules, pair)); problem != "" {
				t.Errorf("%q encoded is %q: %s", pair, encoded(rules, pair), problem)
			}
		}
	})
}

func checkCoding(t *testing.T, c coding, one, other string) {
	t.Helper()
	for _, text := range []string{one, c.encode(one), c.encode(c.encode(one)), other} {
		if back := c.decode(c.encode(text)); back != text && !c.refused(c.encode(text)) {
			t.Errorf("%q is written as %q and read as %q", text, c.encode(text), back)
		}
	}
	if written := c.encode(one); written == c.encode(other) && one != other && !c.refused(written) {
		t.Errorf("%q and %q are both written as %q", one, other, written)
	}
	if original := c.decode(one); original != one && c.encode(original) != one {
		t.Errorf("%q is read as %q, which is written as %q", one, original, c.encode(original))
	}
}

// TestCodingMeetsEveryShortText tries all texts of a few telling characters against
// each other, which a fuzzer only samples.
func TestCodingMeetsEveryShortText(t *testing.T) {
	t.Parallel()
	keys, err := New(job.Job{Settings: job.Settings{Unmappable: job.UnmappableEncode}}, driver.Session{}, driver.Session{KeyRules: strictKeys()}, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		coding     coding
		characters string
		length     int
	}{
		"keys":            {keys.keys, "%25FE./\x00", 6},
		"metadata names":  {nameCoding(strictMetadata()), "-x25df_", 7},
		"metadata values": {valueCoding(strictMetadata()), "% 20C\xff", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := map[string]string{}
			var try func(text string)
			try = func(text string) {
				written := test.coding.encode(text)
				if earlier, taken := from[written]; taken {
					t.Fatalf("%q and %q are both written as %q", earlier, text, written)
				}
				from[written] = text
				if back := test.coding.decode(written); back != text {
					t.Fatalf("%q is written as %q and read as %q", text, written, back)
				}
				for i := range len(test.characters) {
					if len(text) < test.length {
						try(text + test.characters[i:i+1])
					}
				}
			}
			try("a")
		})
	}
}

func TestDeepEscapesEnd(t *testing.T) {
	t.Parallel()
	c := valueCoding(strictMetadata())
	deep := "%" + strings.Repeat("25", 500) + "0A" // what "\n" would be if it had been escaped 501 times
	if got := c.decode(c.encode(deep)); got != deep {
		t.Errorf("%d bytes came back as %d", len(deep), len(got))
	}
}
