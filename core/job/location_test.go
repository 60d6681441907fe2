package job_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
)

func TestParse(t *testing.T) {
	t.Parallel()
	none := map[string]string{}
	for name, c := range map[string]struct {
		text string
		want job.Location
	}{
		"whole bucket":           {"s3://photos", job.Location{Plugin: "s3", Bucket: "photos", Options: none}},
		"whole bucket, slash":    {"s3://photos/", job.Location{Plugin: "s3", Bucket: "photos", Options: none}},
		"whole bucket, star":     {"s3://photos/*", job.Location{Plugin: "s3", Bucket: "photos", Options: none}},
		"everything below":       {"s3://photos/a/b/", job.Location{Plugin: "s3", Bucket: "photos", Prefix: "a/b/", Options: none}},
		"star after slash":       {"s3://photos/a/*", job.Location{Plugin: "s3", Bucket: "photos", Prefix: "a/", Options: none}},
		"starts with":            {"s3://photos/a/b*", job.Location{Plugin: "s3", Bucket: "photos", Prefix: "a/b", Scope: job.ScopeStartsWith, Options: none}},
		"key with leading slash": {"s3://photos//a/", job.Location{Plugin: "s3", Bucket: "photos", Prefix: "/a/", Options: none}},
		"named store":            {"cn:photos/a/", job.Location{Store: "cn", Bucket: "photos", Prefix: "a/", Options: none}},
		"encoded":                {"s3://b/%3F%23%25%2a*", job.Location{Plugin: "s3", Bucket: "b", Prefix: "?#%*", Scope: job.ScopeStartsWith, Options: none}},
		"encoded star is a key":  {"s3://b/a%2A/", job.Location{Plugin: "s3", Bucket: "b", Prefix: "a*/", Options: none}},
		"plain signs":            {"s3://b/a+b &'\"=:@/", job.Location{Plugin: "s3", Bucket: "b", Prefix: "a+b &'\"=:@/", Options: none}},
		"options": {"s3://b/a/?region=eu-west-1&endpoint=http://127.0.0.1:9000/x?y=z&credentials=env:SRC", job.Location{
			Plugin: "s3", Bucket: "b", Prefix: "a/", Credentials: "env:SRC",
			Options: map[string]string{"region": "eu-west-1", "endpoint": "http://127.0.0.1:9000/x?y=z"},
		}},
		"encoded option": {"s3://b?credentials=exec:a%20b%26c+d", job.Location{Plugin: "s3", Bucket: "b", Credentials: "exec:a b&c+d", Options: none}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := job.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", `"" is no location: write SCHEME://BUCKET/PREFIX/`},
		"path":             {"./photos", `"./photos" is no location`},
		"no bucket":        {"s3://", `"s3://" names no bucket`},
		"no bucket, key":   {"s3:///a/", `"s3:///a/" names no bucket`},
		"one slash":        {"s3:/photos/", `"s3:/photos/" names no bucket`},
		"bad scheme":       {"s 3://b", `"s 3://b" is no location`},
		"bad bucket":       {"s3://a b/", `the bucket's name holds ' '`},
		"bare prefix":      {"s3://b/foo", `"s3://b/foo" may mean two things: write "s3://b/foo/" for everything below it, or "s3://b/foo*" for every key that starts with it`},
		"star inside":      {"s3://b/a*b/", `a bare '*': write %2A for it`},
		"two stars":        {"s3://b/a**", `a bare '*'`},
		"fragment":         {"s3://b/a#b/", `a bare '#': write %23 for it`},
		"percent":          {"s3://b/100%/", `a "%" without two hexadecimal digits: write %25 for it`},
		"percent control":  {"s3://b/%\x10\x11/", `a "%" without two hexadecimal digits`},
		"not UTF-8":        {"s3://b/%FF/", `is not UTF-8`},
		"no option":        {"s3://b/?", `nothing follows the "?"`},
		"no value":         {"s3://b/?region", `is not NAME=VALUE`},
		"no name":          {"s3://b/?=x", `"" is no option name`},
		"option twice":     {"s3://b/?region=a&region=b", `option region is given twice`},
		"reference twice":  {"s3://b/?credentials=env:A&credentials=env:B", `option credentials is given twice`},
		"unknown form":     {"s3://b/?credentials=AKIAIOSFODNN7EXAMPLE", `credentials are not a reference: give a reference instead`},
		"empty reference":  {"s3://b/?credentials=env:", `credentials reference "env:" names nothing`},
		"fragment, option": {"s3://b/?region=a#b", `option region: a bare '#'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := job.Parse(c.text)
			var mistake *job.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("Parse(%q) = %v, want *job.Error", c.text, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse(%q)\n got %q\nwant %q in it", c.text, err, c.want)
			}
		})
	}
}

func TestParseDestination(t *testing.T) {
	t.Parallel()
	if _, err := job.ParseDestination("s3://b/a/"); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"s3://b/a", "s3://b/a*"} {
		_, err := job.ParseDestination(text)
		want := `"s3://b/a" is no place to write below: write "s3://b/a/": a destination's prefix ends in "/"`
		if err == nil || err.Error() != want {
			t.Errorf("ParseDestination(%q) = %v, want %s", text, err, want)
		}
	}
}

func TestParseObject(t *testing.T) {
	t.Parallel()
	got, err := job.ParseObject("cn:b/a/100%25%2A?region=x")
	if err != nil {
		t.Fatal(err)
	}
	want := job.Location{Store: "cn", Bucket: "b", Prefix: "a/100%*", Scope: job.ScopeObject, Options: map[string]string{"region": "x"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := job.ParseObject("s3://b/a*"); err == nil {
		t.Error("a bare star was taken for an object's key")
	}
}

func TestParseKeepsSecretsOut(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, text := range map[string]string{
		"user info":           "s3://AKIA:hunter2@bucket/",
		"user info alone":     "s3://hunter2@bucket/",
		"user info, slash":    "s3://AKIA:hunter2/x@bucket/",
		"user info, no form":  "AKIA hunter2@bucket/",
		"secret option":       "s3://b/?secret-access-key=hunter2",
		"access key":          "s3://b/?access_key_id=hunter2",
		"session token":       "s3://b/?sessionToken=hunter2",
		"raw credentials":     "s3://b/?credentials=AKIA:hunter2",
		"misspelt":            "s3://b/?credential=hunter2",
		"proxy password":      "s3://b/?proxy=http://me:hunter2@127.0.0.1:3128",
		"proxy, no scheme":    "s3://b/?proxy=me:hunter2@127.0.0.1:3128",
		"beside a bare key":   "s3://b/foo?secret-key=hunter2",
		"beside a bad option": "s3://b/foo/?hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := job.Parse(text)
			if err == nil {
				t.Fatalf("Parse(%q) succeeded", text)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("Parse(%q) repeats the secret: %v", text, err)
			}
		})
	}
}

func FuzzLocationRoundTrip(f *testing.F) {
	for _, text := range []string{"s3://b", "s3://b/a/?region=x", "cn:b/%3F%23*", "s3://b//%00/", "s3://b/a?credentials=exec:x%26y", "s3://b?x=1&y=2&credentials=env:Z", "oss://b?credentials=secret:team/store,region=eu-west-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, parse := range map[string]func(string) (job.Location, error){"many": job.Parse, "one": job.ParseObject} {
			location, err := parse(text)
			if err != nil {
				continue
			}
			again, err := parse(location.String())
			if err != nil {
				t.Fatalf("%s: %q formats as %q, which is refused: %v", name, text, location, err)
			}
			if diff := cmp.Diff(location, again); diff != "" {
				t.Fatalf("%s: %q formats as %q (-want +got):\n%s", name, text, location, diff)
			}
		}
	})
}
