package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/sdk/driver"
)

func TestParentsOf(t *testing.T) {
	t.Parallel()
	object := &driver.Object{}
	tests := map[string]struct {
		pairs []diff.Pair
		want  []string // parent of each pair
	}{
		"next to each other": {[]diff.Pair{{Key: "a", Source: object}, {Key: "a/b", Source: object}}, []string{"", "a"}},
		"others between": {
			[]diff.Pair{{Key: "a", Source: object}, {Key: "a!", Source: object}, {Key: "a!/x", Source: object}, {Key: "a.b", Source: object}, {Key: "a/b", Source: object}, {Key: "a0", Source: object}},
			[]string{"", "", "a!", "", "a", ""},
		},
		"deep below":                {[]diff.Pair{{Key: "a", Source: object}, {Key: "a/b/c", Source: object}, {Key: "a/b/d", Source: object}}, []string{"", "a", "a"}},
		"a marker of a folder":      {[]diff.Pair{{Key: "a", Source: object}, {Key: "a/", Source: object}}, []string{"", ""}},
		"below a marker only":       {[]diff.Pair{{Key: "a/", Source: object}, {Key: "a/b", Source: object}}, []string{"", ""}},
		"the destination's parent":  {[]diff.Pair{{Key: "a", Destination: object}, {Key: "a/b", Source: object}}, []string{"", "a"}},
		"held by the destination":   {[]diff.Pair{{Key: "a", Source: object}, {Key: "a/b", Source: object, Destination: object}}, []string{"", ""}},
		"only at the destination":   {[]diff.Pair{{Key: "a", Source: object}, {Key: "a/b", Destination: object}}, []string{"", ""}},
		"another key's beginning":   {[]diff.Pair{{Key: "a", Source: object}, {Key: "ab/c", Source: object}}, []string{"", ""}},
		"an earlier tree's parents": {[]diff.Pair{{Key: "a", Source: object}, {Key: "b", Source: object}, {Key: "b/a", Source: object}}, []string{"", "", "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, matter := range []bool{true, false} {
				found := parents{matter: matter}
				want := test.want
				if !matter {
					want = make([]string, len(test.pairs))
				}
				var got []string
				for _, pair := range test.pairs {
					got = append(got, found.of(pair))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("matter is %v (-want +got):\n%s", matter, diff)
				}
			}
		})
	}
}
