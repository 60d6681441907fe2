package fit

import (
	"errors"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

func fitter(t *testing.T, policy job.Unmappable, rules driver.KeyRules, prefix string) Fitter {
	t.Helper()
	f, err := New(job.Job{Settings: job.Settings{Unmappable: policy}}, driver.Session{}, driver.Session{KeyRules: rules}, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEncodedKeys(t *testing.T) {
	t.Parallel()
	all := strictKeys()
	tests := map[string]struct {
		rules             driver.KeyRules
		prefix, key, want string // want is empty where the key cannot be written
	}{
		"held":                        {all, "", "a/b.txt", "a/b.txt"},
		"percent that means nothing":  {all, "", "100%.txt", "100%.txt"},
		"escape of a harmless letter": {all, "", "a%62", "a%62"},
		"control":                     {all, "", "a\x00b", "a%00b"},
		"looks like an encoded key":   {all, "", "a%00b", "a%2500b"},
		"looks like that one":         {all, "", "a%2500b", "a%252500b"},
		"percent in an encoded key":   {all, "", "%\n", "%25%0A"},
		"leading slash":               {all, "", "/a", "%2Fa"},
		"leading slash behind prefix": {all, "new/", "/a", "new/%2Fa"},
		"trailing slash":              {all, "", "a/", "a%2F"},
		"slash alone":                 {all, "", "/", "%2F"},
		"slash that is a segment":     {driver.KeyRules{NoEmptySegment: true}, "", "/", "%2F"},
		"empty segment":               {driver.KeyRules{NoEmptySegment: true}, "", "a//b", "a/%2Fb"},
		"empty segments":              {driver.KeyRules{NoEmptySegment: true}, "", "a///b//", "a/%2F%2Fb/%2F"},
		"dots":                        {all, "", "a/../.", "a/%2E%2E/%2E"},
		"dots in names stay":          {all, "", "..a/b.", "..a/b."},
		"forbidden text":              {driver.KeyRules{Forbidden: []string{"&token="}}, "", "a?e=1&token=x", "a?e=1%26token=x"},
		"too long":                    {all, "", strings.Repeat("k", 1024), ""},
		"too long when encoded":       {driver.KeyRules{MaxBytes: 4, NoControl: true}, "", "a\n\n", ""},
		"too long a segment":          {all, "", strings.Repeat("k", 256), ""},
		"the prefix breaks the rule":  {all, "a//", "b", ""},
		"no rules":                    {driver.KeyRules{}, "", "//\x00%2F", "//\x00%2F"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fitter(t, job.UnmappableEncode, test.rules, test.prefix)
			got, err := f.Key(test.key)
			want := strings.TrimPrefix(test.want, test.prefix)
			var refusal *Error
			if test.want == "" && (!errors.As(err, &refusal) || refusal.Skip || refusal.Do == "") {
				t.Fatalf("Key(%q) = %q, %v, want a refusal with a way out", test.key, got, err)
			}
			if test.want != "" && (got != want || err != nil) {
				t.Fatalf("Key(%q) = %q, %v, want %q", test.key, got, err, want)
			}
			if err == nil && f.Original(got) != test.key {
				t.Errorf("%q is read as %q, want %q", got, f.Original(got), test.key)
			}
		})
	}
}

func TestKeysThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	f := fitter(t, job.UnmappableEncode, driver.KeyRules{NoInvalidUTF8: true}, "")
	if got, err := f.Key("\xffä\xc3"); got != "%FFä%C3" || err != nil {
		t.Errorf("Key = %q, %v", got, err)
	}
}

func TestKeysWithoutEncoding(t *testing.T) {
	t.Parallel()
	rules := driver.KeyRules{NoControl: true, MaxBytes: 5}
	for name, test := range map[string]struct {
		policy job.Unmappable
		key    string
		skip   bool
		want   string // part of the error; empty for none
	}{
		"held":               {job.UnmappableFail, "a", false, ""},
		"looks encoded":      {job.UnmappableFail, "a%0Ab", false, ""},
		"fail":               {job.UnmappableFail, "a\n", false, "control character; --unmappable encode writes it in another form, --unmappable drop leaves it out"},
		"fail without a way": {job.UnmappableFail, "123456", false, "6 bytes, the store takes 5; --unmappable drop leaves it out"},
		"too long encoded":   {job.UnmappableFail, "a\n\n\n", false, "control character; --unmappable drop leaves it out"},
		"drop":               {job.UnmappableDrop, "a\n", true, "this key: the key contains a control character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fitter(t, test.policy, rules, "")
			got, err := f.Key(test.key)
			var refusal *Error
			switch {
			case test.want == "":
				if err != nil || got != test.key {
					t.Errorf("Key(%q) = %q, %v", test.key, got, err)
				}
			case !errors.As(err, &refusal) || !strings.Contains(err.Error(), test.want) || refusal.Skip != test.skip:
				t.Errorf("Key(%q) = %q, %v, want %q", test.key, got, err, test.want)
			}
			if f.Original("a%0A") != "a%0A" {
				t.Error("an encoded key is decoded though nobody asked for encoding")
			}
			if f.Decoded("a%0A") != "a\n" {
				t.Errorf("Decoded = %q: what an earlier run encoded is not known", f.Decoded("a%0A"))
			}
		})
	}
}

func TestZeroFitterTakesEverything(t *testing.T) {
	t.Parallel()
	var f Fitter
	if got, err := f.Key("//\x00"); got != "//\x00" || err != nil {
		t.Errorf("Key = %q, %v", got, err)
	}
	a := driver.Attributes{ContentLanguage: "de", Metadata: []driver.Metadata{{Name: "a_b", Value: "ü"}}}
	if got, changes, err := f.Attributes(a, "GLACIER"); err != nil || changes != nil || len(got.Metadata) != 1 || got.StorageClass != "" {
		t.Errorf("Attributes = %+v, %q, %v", got, changes, err)
	}
}
