package fit

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/sdk/driver"
)

// narrow is a store that holds little.
func narrow() driver.Session {
	rules := strictMetadata()
	rules.MaxName, rules.LostHeaders = 20, []string{"content-language", "expires"}
	return driver.Session{
		MetadataRules: rules, Limits: driver.Limits{MaxMetadata: 40, MaxTags: 2},
		Capabilities: []driver.Capability{driver.CapabilityTagger},
	}
}

func pairs(text ...string) driver.Attributes {
	var a driver.Attributes
	for i := 0; i < len(text); i += 2 {
		a.Metadata = append(a.Metadata, driver.Metadata{Name: text[i], Value: text[i+1]})
	}
	return a
}

func tags(keys ...string) driver.Attributes {
	var a driver.Attributes
	for _, key := range keys {
		a.Tags = append(a.Tags, driver.Tag{Key: key, Value: "v"})
	}
	return a
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	type result struct {
		attributes driver.Attributes
		changes    []string
		err        string // part of the error
	}
	const (
		wayOut  = "; --unmappable encode writes it in another form, --unmappable drop leaves it out"
		dropOut = "; --unmappable drop leaves it out"
		nothing = "; nor can it be encoded"
	)
	long := strings.Repeat("v", 50)
	tests := map[string]struct {
		given              driver.Attributes
		fail, drop, encode result
	}{
		"held": {
			pairs("owner", "a%20b"),
			result{attributes: pairs("owner", "a%20b")}, result{attributes: pairs("owner", "a%20b")}, result{attributes: pairs("owner", "a%20b")},
		},
		"name": {
			pairs("a_b", "1", "a-c", "2"),
			result{err: `metadata "a_b": its name contains '_'` + wayOut},
			result{pairs("a-c", "2"), []string{`metadata "a_b" left out: its name contains '_'`}, ""},
			result{pairs("a-c", "2", "a-x5f-b", "1"), []string{`metadata "a_b" written as "a-x5f-b"`}, ""},
		},
		"value": {
			pairs("owner", "Zoë 1%"),
			result{err: "its value is not US-ASCII" + wayOut},
			result{driver.Attributes{}, []string{`metadata "owner" left out: its value is not US-ASCII`}, ""},
			result{pairs("owner", "Zo%C3%AB 1%25"), []string{`value of metadata "owner" percent-encoded`}, ""},
		},
		"a name that looks encoded": {
			pairs("a-x5f-b", "1", "a_b", "2"),
			result{err: `metadata "a_b"`},
			result{pairs("a-x5f-b", "1"), []string{`metadata "a_b" left out: its name contains '_'`}, ""},
			result{pairs("a-x2d-x5f-b", "1", "a-x5f-b", "2"), []string{
				`metadata "a-x5f-b" written as "a-x2d-x5f-b"`, `metadata "a_b" written as "a-x5f-b"`,
			}, ""},
		},
		"too long a name when encoded": {
			pairs("_____", "1"),
			result{err: `its name contains '_'` + dropOut},
			result{driver.Attributes{}, []string{`metadata "_____" left out: its name contains '_'`}, ""},
			result{err: "25 bytes, the store takes 20" + nothing},
		},
		"too much": {
			pairs("a", "1", "b", long, "c", "3"),
			result{err: "metadata: it has 55 bytes, the store takes 40" + dropOut},
			result{pairs("a", "1", "c", "3"), []string{`metadata "b" left out: with it there are 53 bytes of metadata, the store takes 40`}, ""},
			result{err: "55 bytes, the store takes 40" + nothing},
		},
		"lost header": {
			driver.Attributes{ContentType: "text/plain", ContentLanguage: "de"},
			result{err: `header content-language "de": the store does not keep it` + dropOut},
			result{driver.Attributes{ContentType: "text/plain"}, []string{`header content-language "de" left out: the store does not keep it`}, ""},
			result{err: "the store does not keep it" + nothing},
		},
		"tags": {
			tags("a", "b"),
			result{attributes: tags("a", "b")}, result{attributes: tags("a", "b")}, result{attributes: tags("a", "b")},
		},
		"too many tags": {
			tags("a", "b", "c"),
			result{err: `tags "c": the object has 3 tags, the store takes 2` + dropOut},
			result{tags("a", "b"), []string{`tags "c" left out: the object has 3 tags, the store takes 2`}, ""},
			result{err: `tags "c"` + ": the object has 3 tags, the store takes 2" + nothing},
		},
		"not carried": {
			driver.Attributes{ContentType: "text/plain", NotCarried: []string{"x-redirect: /a", "x-rule: b"}},
			result{err: "dth does not copy x-redirect: /a, x-rule: b" + dropOut},
			result{driver.Attributes{ContentType: "text/plain"}, []string{"x-redirect: /a left out: dth does not copy it", "x-rule: b left out: dth does not copy it"}, ""},
			result{err: "dth does not copy x-redirect: /a, x-rule: b" + nothing},
		},
		"not carried, nor held": {
			driver.Attributes{ContentLanguage: "de", NotCarried: []string{"x-redirect: /a"}},
			result{err: `the store does not keep it; dth does not copy x-redirect: /a` + dropOut},
			result{driver.Attributes{}, []string{`header content-language "de" left out: the store does not keep it`, "x-redirect: /a left out: dth does not copy it"}, ""},
			result{err: `the store does not keep it; dth does not copy x-redirect: /a` + nothing},
		},
		"not carried, another encodable": {
			driver.Attributes{Metadata: []driver.Metadata{{Name: "a_b", Value: "1"}}, NotCarried: []string{"x-redirect: /a"}},
			result{err: `dth does not copy x-redirect: /a` + dropOut},
			result{driver.Attributes{}, []string{`metadata "a_b" left out: its name contains '_'`, "x-redirect: /a left out: dth does not copy it"}, ""},
			result{err: `dth does not copy x-redirect: /a` + nothing},
		},
		"all that is wrong is named": {
			driver.Attributes{Expires: "0", Metadata: []driver.Metadata{{Name: "a_b", Value: "1"}}},
			result{err: `header expires "0": the store does not keep it; metadata "a_b": its name contains '_'` + dropOut},
			result{driver.Attributes{}, []string{`header expires "0" left out: the store does not keep it`, `metadata "a_b" left out: its name contains '_'`}, ""},
			result{err: `header expires "0": the store does not keep it` + nothing},
		},
	}
	for name, test := range tests {
		for policy, want := range map[job.Unmappable]result{
			job.UnmappableFail: test.fail, job.UnmappableDrop: test.drop, job.UnmappableEncode: test.encode,
		} {
			t.Run(name+"/"+string(policy), func(t *testing.T) {
				t.Parallel()
				f, err := New(job.Job{Settings: job.Settings{Unmappable: policy}}, driver.Session{}, narrow(), "")
				if err != nil {
					t.Fatal(err)
				}
				got, changes, err := f.Attributes(test.given, "")
				var refusal *Error
				if want.err != "" {
					if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want.err) || refusal.Skip {
						t.Errorf("error %v, want %q", err, want.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.attributes, got); diff != "" {
					t.Errorf("attributes (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want.changes, changes); diff != "" {
					t.Errorf("changes (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestTagsWithoutTagger(t *testing.T) {
	t.Parallel()
	f, err := New(job.Job{Settings: job.Settings{Unmappable: job.UnmappableDrop}}, driver.Session{}, driver.Session{}, "")
	if err != nil {
		t.Fatal(err)
	}
	got, changes, err := f.Attributes(tags("a", "b"), "")
	if err != nil || got.Tags != nil || len(changes) != 1 || changes[0] != `tags "a", "b" left out: the store keeps no tags` {
		t.Errorf("tags %v, changes %q, %v", got.Tags, changes, err)
	}
}

func TestStorageClasses(t *testing.T) {
	t.Parallel()
	class := func(name string, tier driver.Tier) driver.StorageClass {
		return driver.StorageClass{Name: name, Tier: tier}
	}
	source := []driver.StorageClass{
		class("STANDARD", driver.TierHot), class("STANDARD_IA", driver.TierCool), class("ONEZONE_IA", driver.TierCool),
		class("GLACIER", driver.TierArchive), class("SNOW", 0),
	}
	kodo := []driver.StorageClass{class("STANDARD", driver.TierHot), class("LINE", driver.TierCool), class("GLACIER", driver.TierDeepArchive)}
	for name, test := range map[string]struct {
		setting, given string
		destination    []driver.StorageClass
		want, problem  string
	}{
		"default":             {"", "STANDARD_IA", kodo, "", ""},
		"one for all":         {"LINE", "GLACIER", kodo, "LINE", ""},
		"same tier":           {"source", "STANDARD_IA", kodo, "LINE", ""},
		"same name":           {"source", "ONEZONE_IA", source, "ONEZONE_IA", ""},
		"same name only":      {"source", "GLACIER", kodo, "", `storage class "GLACIER": the store has no class of its tier (archive)`},
		"source names none":   {"source", "", kodo, "", ""},
		"of no tier":          {"source", "SNOW", append(kodo[:3:3], class("OTHER", 0)), "", "its tier is not known"},
		"unknown at source":   {"source", "OUTPOSTS", kodo, "", "its tier is not known"},
		"hot into one class":  {"source", "STANDARD", nil, "", ""},
		"cool into one class": {"source", "STANDARD_IA", nil, "", "no class of its tier (cool)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := job.Job{Settings: job.Settings{StorageClass: test.setting}}
			f, err := New(asked, driver.Session{StorageClasses: source}, driver.Session{StorageClasses: test.destination}, "")
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := f.Attributes(driver.Attributes{}, test.given)
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) || got.StorageClass != test.want {
				t.Errorf("class %q, %v, want %q, %q", got.StorageClass, err, test.want, test.problem)
			}
		})
	}
}

func TestNewRefusesWhatStoresDoNotHave(t *testing.T) {
	t.Parallel()
	classes := driver.Session{StorageClasses: []driver.StorageClass{{Name: "STANDARD", Tier: driver.TierHot}, {Name: "IA", Tier: driver.TierCool}}}
	for name, test := range map[string]struct {
		settings            job.Settings
		source, destination driver.Session
		want                string
	}{
		"unknown class": {job.Settings{StorageClass: "COLD"}, driver.Session{}, classes, `no storage class "COLD": write one of STANDARD (hot), IA (cool), or source`},
		"no classes":    {job.Settings{StorageClass: "IA"}, classes, driver.Session{}, "no storage classes to choose from"},
		"no tags":       {job.Settings{Tags: true}, driver.Session{}, classes, "the source keeps no tags: leave --tags out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]job.Value{
				"storage-class": {Origin: job.Origin{Where: "--flag", Usage: true}}, "tags": {Origin: job.Origin{Where: "--flag", Usage: true}},
			}
			_, err := New(job.Job{Settings: test.settings, Values: values}, test.source, test.destination, "")
			var mistake *job.Error
			if !errors.As(err, &mistake) || !mistake.Usage || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "--flag") {
				t.Errorf("New = %v, want %q", err, test.want)
			}
		})
	}
}
