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
	} {
		err := test.listed.Check(asked, 3)
		if (err == nil) != (test.text == "") || err != nil && !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", name, err, test.text)
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
