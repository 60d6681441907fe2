package driver_test

import (
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestKeyRulesViolation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rules driver.KeyRules
		key   string
		want  string // part of the reason; empty when the key is fine
	}{
		"no rules take any key":        {driver.KeyRules{}, "//../\x00\xff/", ""},
		"empty key":                    {driver.KeyRules{}, "", "empty"},
		"longest key":                  {driver.KeyRules{MaxBytes: 4}, "abcd", ""},
		"too long":                     {driver.KeyRules{MaxBytes: 4}, "abcde", "5 bytes"},
		"bytes count, not characters":  {driver.KeyRules{MaxBytes: 4}, "日本", "6 bytes"},
		"leading slash":                {driver.KeyRules{NoLeadingSlash: true}, "/a", "begins"},
		"trailing slash":               {driver.KeyRules{NoTrailingSlash: true}, "a/", "ends"},
		"control":                      {driver.KeyRules{NoControl: true}, "a\x1fb", "control"},
		"not UTF-8":                    {driver.KeyRules{NoInvalidUTF8: true}, "a\xffb", "UTF-8"},
		"beyond ASCII is UTF-8":        {driver.KeyRules{NoInvalidUTF8: true}, "日本\uffff", ""},
		"delete is control":            {driver.KeyRules{NoControl: true}, "a\x7fb", "control"},
		"forbidden":                    {driver.KeyRules{Forbidden: []string{"&token="}}, "a&token=b", "&token="},
		"empty segment":                {driver.KeyRules{NoEmptySegment: true}, "a//b", "empty segment"},
		"empty segment at the start":   {driver.KeyRules{NoEmptySegment: true}, "//a", "empty segment"},
		"empty segment at the end":     {driver.KeyRules{NoEmptySegment: true}, "a//", "empty segment"},
		"outer slashes are not empty":  {driver.KeyRules{NoEmptySegment: true}, "/a/", ""},
		"dot dot":                      {driver.KeyRules{NoDotSegment: true}, "a/../b", `".."`},
		"dot alone":                    {driver.KeyRules{NoDotSegment: true}, ".", `"."`},
		"dots inside a name":           {driver.KeyRules{NoDotSegment: true}, "a..b/.c", ""},
		"longest segment":              {driver.KeyRules{MaxSegment: 255}, "a/" + strings.Repeat("x", 255), ""},
		"too long a segment":           {driver.KeyRules{MaxSegment: 255}, strings.Repeat("x", 256) + "/a", "256 bytes"},
		"control bytes without a rule": {driver.KeyRules{NoEmptySegment: true}, "\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.rules.Violation(test.key)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("Violation(%q) = %q, want a reason containing %q", test.key, got, test.want)
			}
		})
	}
}
