package driver_test

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestMetadataRulesViolation(t *testing.T) {
	t.Parallel()
	plain := driver.MetadataRules{NameChars: "abcdefghijklmnopqrstuvwxyz0123456789-", MaxName: 10, MaxValue: 5, VisibleASCII: true}
	tests := map[string]struct {
		rules       driver.MetadataRules
		name, value string
		want        string // part of the answer; empty when the pair is held
	}{
		"no rules take any token":      {driver.MetadataRules{}, "a_b.c!#$%&'*+^`|~", "ünï", ""},
		"no rules, empty value":        {driver.MetadataRules{}, "a", "", ""},
		"empty name":                   {driver.MetadataRules{}, "", "v", "empty"},
		"no token":                     {driver.MetadataRules{}, "a b", "v", `' '`},
		"name beyond ASCII":            {driver.MetadataRules{}, "ä", "v", "its name contains"},
		"control in the value":         {driver.MetadataRules{}, "a", "1\n2", "control"},
		"tab in the value":             {driver.MetadataRules{}, "a", "1\t2", "control"},
		"delete in the value":          {driver.MetadataRules{}, "a", "\x7f", "control"},
		"value is not UTF-8":           {driver.MetadataRules{}, "a", "\xff", "UTF-8"},
		"space before":                 {driver.MetadataRules{}, "a", " v", "space"},
		"space behind":                 {driver.MetadataRules{}, "a", "v ", "space"},
		"spaces inside":                {driver.MetadataRules{}, "a", "v  v", ""},
		"as the rules say":             {plain, "a-z0", "~ !", ""},
		"letters of the other case":    {plain, "OWNER", "", ""},
		"rules in the other case":      {driver.MetadataRules{NameChars: "ABC"}, "abc", "", ""},
		"underscore":                   {plain, "my_name", "v", `'_'`},
		"longest name":                 {plain, strings.Repeat("n", 10), "v", ""},
		"too long a name":              {plain, strings.Repeat("n", 11), "v", "11 bytes, the store takes 10"},
		"longest value":                {plain, "n", "12345", ""},
		"too long a value":             {plain, "n", "123456", "6 bytes, the store takes 5"},
		"value beyond ASCII":           {plain, "n", "ä", "US-ASCII"},
		"a character that is no token": {driver.MetadataRules{NameChars: "a:"}, "a:", "v", `':'`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.rules.Violation(driver.Metadata{Name: test.name, Value: test.value})
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("Violation(%q: %q) = %q, want %q", test.name, test.value, got, test.want)
			}
		})
	}
}

func TestMetadataRulesLoses(t *testing.T) {
	t.Parallel()
	rules := driver.MetadataRules{LostHeaders: []string{"content-language"}}
	if !rules.Loses("content-language") || rules.Loses("expires") {
		t.Error("only content-language is lost")
	}
}

func TestMetadataSize(t *testing.T) {
	t.Parallel()
	a := driver.Attributes{Metadata: []driver.Metadata{{Name: "a", Value: "ü"}, {Name: "bc"}}}
	if got := a.MetadataSize(); got != 5 {
		t.Errorf("MetadataSize() = %d, want 5", got)
	}
}

func TestSessionClass(t *testing.T) {
	t.Parallel()
	cool := driver.StorageClass{Name: "IA", Tier: driver.TierCool}
	session := driver.Session{StorageClasses: []driver.StorageClass{{Name: "STANDARD", Tier: driver.TierHot}, cool}}
	if got, known := session.Class("IA"); !known || got != cool {
		t.Errorf(`Class("IA") = %v, %v`, got, known)
	}
	if got, known := session.Class("ia"); known {
		t.Errorf(`Class("ia") = %v: names are exact`, got)
	}
}
