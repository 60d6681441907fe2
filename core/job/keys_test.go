package job_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/job"
)

func parse(t *testing.T, text string) job.Location {
	t.Helper()
	location, err := job.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func TestMapKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, destination string
		from, to            job.Keys
		key, copied         string
	}{
		"bucket to bucket":      {"s3://a", "s3://b", job.Keys{}, job.Keys{}, "x/y", "x/y"},
		"below to bucket":       {"s3://a/p/", "s3://b", job.Keys{Strip: "p/", List: "p/"}, job.Keys{}, "p/x", "x"},
		"below to below":        {"s3://a/p/", "s3://b/q/", job.Keys{Strip: "p/", List: "p/"}, job.Keys{Strip: "q/", List: "q/"}, "p/x", "q/x"},
		"starts with":           {"s3://a/dir/fo*", "s3://b/q/", job.Keys{Strip: "dir/", List: "dir/fo"}, job.Keys{Strip: "q/", List: "q/fo"}, "dir/foo/x", "q/foo/x"},
		"starts with, at start": {"s3://a/fo*", "s3://b", job.Keys{List: "fo"}, job.Keys{List: "fo"}, "foo", "foo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := job.MapKeys(parse(t, c.source), parse(t, c.destination))
			if diff := cmp.Diff([]job.Keys{c.from, c.to}, []job.Keys{from, to}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			copied := to.Absolute(from.Relative(c.key))
			if copied != c.copied || !strings.HasPrefix(copied, to.List) {
				t.Errorf("%q becomes %q, want %q", c.key, copied, c.copied)
			}
		})
	}
}

func TestCheckOverlap(t *testing.T) {
	t.Parallel()
	const same, inside, around = "are the same", "the destination lies inside the source", "the source lies inside the destination"
	for name, c := range map[string]struct{ source, destination, want string }{
		"same bucket":                  {"s3://b", "s3://b", same},
		"same prefix":                  {"s3://b/a/", "s3://b/a/", same},
		"destination inside":           {"s3://b", "s3://b/a/", inside},
		"source inside":                {"s3://b/a/", "s3://b", around},
		"beside each other":            {"s3://b/a/", "s3://b/ab/", ""},
		"starts with, into itself":     {"s3://b/da*", "s3://b/data/", inside},
		"starts with, beside":          {"s3://b/a/fo*", "s3://b", ""},
		"starts with, same directory":  {"s3://b/a/fo*", "s3://b/a/", same},
		"same prefix, other bucket":    {"s3://b/a/", "s3://c/a/", ""},
		"whole bucket to other bucket": {"s3://b", "s3://c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, destination := parse(t, c.source), parse(t, c.destination)
			from, to := job.MapKeys(source, destination)
			err := job.CheckOverlap("host/"+source.Bucket, "host/"+destination.Bucket, from, to)
			if c.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestCopyKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, destination, from, to string }{
		"renamed":        {"s3://a/x/y", "s3://b/z", "x/y", "z"},
		"below":          {"s3://a/x/y", "s3://b/z/", "x/y", "z/y"},
		"into bucket":    {"s3://a/x/y", "s3://b", "x/y", "y"},
		"trailing slash": {"s3://a/x/y/", "s3://b/z/", "x/y/", "z/y/"},
		"no slash":       {"s3://a/y", "s3://b/z/", "y", "z/y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := job.ParseObject(c.source)
			if err != nil {
				t.Fatal(err)
			}
			destination, err := job.ParseObject(c.destination)
			if err != nil {
				t.Fatal(err)
			}
			from, to, err := job.CopyKeys(source, destination)
			if err != nil || from != c.from || to != c.to {
				t.Errorf("got %q, %q, %v; want %q, %q", from, to, err, c.from, c.to)
			}
		})
	}
	bucket := job.Location{Plugin: "s3", Bucket: "b", Scope: job.ScopeObject}
	if _, _, err := job.CopyKeys(bucket, bucket); err == nil || !strings.Contains(err.Error(), "names no object") {
		t.Errorf("a source without a key: %v", err)
	}
}
