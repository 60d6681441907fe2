package control

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestPageOfAnotherListing: a page is compared with what was asked for where it says so, and
// always says whether it is the last one.
func TestPageOfAnotherListing(t *testing.T) {
	t.Parallel()
	say := func(text string) *string { return &text }
	yes, no := say("true"), say("false")
	asked := Asked{Bucket: "box", Prefix: "a b/", Key: "k", Upload: "u"}
	for name, test := range map[string]struct {
		listed Listed
		text   string
	}{
		"the last":            {Listed{Truncated: no}, ""},
		"more":                {Listed{Truncated: yes, Next: "t"}, ""},
		"all said":            {Listed{Bucket: say("box"), Prefix: say("a b/"), Key: say("k"), Upload: say("u"), Count: say("3"), Truncated: no}, ""},
		"encoded":             {Listed{Prefix: say("a+b%2F"), Truncated: no}, ""},
		"encoded in part":     {Listed{Prefix: say("a%20b/"), Truncated: no}, ""},
		"another bucket":      {Listed{Bucket: say("other"), Truncated: no}, `of bucket "other"`},
		"no bucket's name":    {Listed{Bucket: say(""), Truncated: no}, `of bucket ""`},
		"another prefix":      {Listed{Prefix: say("b/"), Truncated: no}, `of prefix "b/"`},
		"without its prefix":  {Listed{Prefix: say(""), Truncated: no}, `of prefix ""`},
		"another key":         {Listed{Key: say("K"), Truncated: no}, `of key "K"`},
		"another upload":      {Listed{Upload: say("v"), Truncated: no}, `of upload "v"`},
		"fewer keys":          {Listed{Count: say("4"), Truncated: no}, "4 keys and has 3"},
		"a count of no sense": {Listed{Count: say("three"), Truncated: no}, "three keys and has 3"},
		"nothing":             {Listed{}, "whether more pages follow"},
		"neither":             {Listed{Truncated: say("")}, "whether more pages follow"},
		"a token alone":       {Listed{Next: "t"}, "whether more pages follow"},
		"no token":            {Listed{Truncated: yes}, "and not where"},
		"a token too many":    {Listed{Truncated: no, Next: "t"}, "no page follows"},
		"grouped":             {Listed{Truncated: no, Grouped: true}, `by the delimiter ""`},
		"a delimiter":         {Listed{Truncated: no, Delimiter: "/"}, `by the delimiter "/"`},
	} {
		err := test.listed.Check(asked, 3)
		if (err == nil) != (test.text == "") || err != nil && !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
		}
	}
}

// TestBeginOfAPage: what a page repeats of where it was to begin is what was sent, in any of
// the forms that stores are known to have.
func TestBeginOfAPage(t *testing.T) {
	t.Parallel()
	no := "false"
	start, next := Asked{After: "a b+c/d"}, Asked{Token: "a2V5QDE=", After: "key"} // key@1
	for name, test := range map[string]struct {
		asked Asked
		told  string
		ok    bool
	}{
		"none, none asked":        {Asked{}, "", true},
		"one, none asked":         {Asked{}, "t", false},
		"none told":               {start, "", true},
		"as sent":                 {start, "a b+c/d", true},
		"encoded":                 {start, "a+b%2Bc%2Fd", true},
		"encoded as a path":       {start, "a%20b+c/d", true},
		"another key":             {start, "a b", false},
		"the token":               {next, "a2V5QDE=", true},
		"the token encoded":       {next, "a2V5QDE%3D", true},
		"what the token holds":    {next, "key@1", true},
		"the token without node":  {next, "a2V5", true},
		"the first start":         {next, "key", true},
		"another token":           {next, "b3RoZXI=", false},
		"a shorter token":         {next, "a2U=", false},
		"a node without its @":    {Asked{Token: "a2V5MQ=="}, "a2V5", false},
		"a node that is none":     {Asked{Token: "a2V5QHg="}, "a2V5", false},
		"not said in XML":         {Asked{After: "a\x01"}, "a?", true},
		"the first part":          {Asked{Upload: "u"}, "0", true},
		"a part, none asked":      {Asked{Upload: "u"}, "7", false},
		"the part asked":          {Asked{Upload: "u", Token: "7"}, "7", true},
		"the key 0, none asked":   {Asked{}, "0", false},
		"a longer key than asked": {Asked{Token: "k"}, "k@1", false},
	} {
		err := Listed{Truncated: &no, Begins: []string{"", test.told}}.Check(test.asked, 0)
		if (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), "it begins after") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMismatchIsToldAsSuch: the endpoint speaks the protocol, its answer is of something else.
func TestMismatchIsToldAsSuch(t *testing.T) {
	t.Parallel()
	dialect := Dialect{Name: "S3", RequestID: []string{"x-id"}}
	answer := Answer{Status: 200, Header: http.Header{"X-Id": {"R1"}}}
	failure := dialect.Foreign("a listing", answer, Mismatch("it is of another bucket"))
	if failure.Kind != driver.KindInvalidArgument || failure.RequestID != "R1" || !strings.Contains(failure.Error(), "another bucket") || strings.Contains(failure.Error(), "does not speak") {
		t.Errorf("mismatch: %v (%s)", failure, failure.Kind)
	}
	failure = dialect.Foreign("a listing", answer, errors.New("no XML"))
	if failure.Kind != driver.KindInvalidArgument || !strings.Contains(failure.Error(), "does not speak S3") {
		t.Errorf("web page: %v (%s)", failure, failure.Kind)
	}
}
