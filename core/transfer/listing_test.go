package transfer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/retry"
	"github.com/dth-dev/dth/sdk/driver"
)

// shelf is a bucket that answers every listing with the page of its token.
type shelf struct {
	driver.Bucket
	pages   map[string]driver.ListPage
	ordered bool
}

func (s shelf) Session() driver.Session {
	return driver.Session{Limits: driver.Limits{ListOrdered: s.ordered}}
}

func (s shelf) List(_ context.Context, r driver.ListRequest) (driver.ListPage, error) {
	return s.pages[r.Token], nil
}

func sideOf(t *testing.T, bucket driver.Bucket) *Side {
	t.Helper()
	side, err := NewSide(Destination, "box", "photos/", bucket, retry.Policy{Attempts: 1}, &observe.Counters{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(side.Close)
	return side
}

// TestPageThatWasNotAskedFor: nothing of it is used, and the error says where it came from
// and which key shows it.
func TestPageThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	keys := func(names ...string) driver.ListPage {
		var page driver.ListPage
		for _, name := range names {
			page.Objects = append(page.Objects, driver.Object{Key: name})
		}
		return page
	}
	one := func(object driver.Object) driver.ListPage { return driver.ListPage{Objects: []driver.Object{object}} }
	asked := driver.ListRequest{Prefix: "photos/"}
	next, few, after := asked, asked, asked
	next.Token, few.MaxKeys, after.StartAfter = "2", 1, "photos/b"
	far := time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		request driver.ListRequest
		page    driver.ListPage
		any     bool // in any order
		text    string
	}{
		"as asked for":           {asked, keys("photos/", "photos/a", "photos/b"), false, ""},
		"nothing":                {asked, keys(), false, ""},
		"in no order":            {asked, keys("photos/b", "photos/a"), true, ""},
		"another page":           {next, keys("photos/a"), false, ""},
		"as many as asked for":   {few, keys("photos/a"), false, ""},
		"after the start":        {after, keys("photos/c"), false, ""},
		"another prefix":         {asked, keys("photos/a", "videos/a"), false, `the key "videos/a"`},
		"another on a next page": {next, keys("a/photos/a"), false, `the key "a/photos/a"`},
		"another, in no order":   {asked, keys("photos/a", "a"), true, `the key "a"`},
		"shorter than it":        {asked, keys("photos"), false, `the key "photos"`},
		"another case":           {asked, keys("Photos/a"), false, `the key "Photos/a"`},
		"an empty key":           {driver.ListRequest{}, keys(""), false, "without a key"},
		"not after the start":    {after, keys("photos/b"), false, `does not come after "photos/b"`},
		"out of order":           {asked, keys("photos/b", "photos/a"), false, `"photos/a" came after "photos/b"`},
		"twice":                  {asked, keys("photos/a", "photos/a"), false, `"photos/a" came after "photos/a"`},
		"more than asked for":    {few, keys("photos/a", "photos/b"), false, "2 keys where at most 1"},
		"a negative size":        {asked, one(driver.Object{Key: "photos/a", Size: -1}), false, `"photos/a" has -1 bytes`},
		"before 1970":            {asked, one(driver.Object{Key: "photos/a", Modified: time.Unix(-1, 0)}), false, `"photos/a" was modified at`},
		"after all time":         {asked, one(driver.Object{Key: "photos/a", Modified: far}), false, "modified at 2300"},
		"leads to itself":        {next, driver.ListPage{Next: "2"}, false, "leads to itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			side := sideOf(t, shelf{pages: map[string]driver.ListPage{test.request.Token: test.page}, ordered: !test.any})
			page, err := side.List(t.Context(), test.request)
			switch {
			case test.text == "" && (err != nil || len(page.Objects) != len(test.page.Objects)):
				t.Errorf("List = %+v, %v", page, err)
			case test.text == "":
			case driver.KindOf(err) != driver.KindFatal || len(page.Objects) > 0:
				t.Fatalf("List = %+v, %v", page, err)
			default:
				for _, part := range []string{`destination: bucket "box"`, `prefix "` + test.request.Prefix + `"`, test.text, "proxy"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v: it does not say %s", err, part)
					}
				}
			}
		})
	}
}

// TestLookForOneKeyEnds: a store whose tokens come around is not asked for ever.
func TestLookForOneKeyEnds(t *testing.T) {
	t.Parallel()
	round := map[string]driver.ListPage{"": {Next: "1"}, "1": {Next: "2"}, "2": {Next: "3"}, "3": {Next: "1"}}
	for _, ordered := range []bool{true, false} {
		listed, err := sideOf(t, shelf{pages: round, ordered: ordered}).Lists(t.Context(), "photos/a")
		if listed || err == nil || !strings.Contains(err.Error(), "no end") {
			t.Errorf("ordered %t: %t, %v", ordered, listed, err)
		}
	}
	found := map[string]driver.ListPage{"": {Next: "1"}, "1": {Objects: []driver.Object{{Key: "photos/a"}}}}
	if listed, err := sideOf(t, shelf{pages: found, ordered: true}).Lists(t.Context(), "photos/a"); !listed || err != nil {
		t.Errorf("%t, %v", listed, err)
	}
}

// showing is a bucket that shows one object, whatever it is asked about.
type showing struct {
	driver.Bucket
	object driver.Object
}

func (s showing) Session() driver.Session { return driver.Session{} }

func (s showing) Stat(context.Context, driver.StatRequest) (driver.Object, error) {
	return s.object, nil
}

// TestLookThatWasNotAskedFor: what a look tells of another key, or of what cannot be, is not
// used.
func TestLookThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		object driver.Object
		ok     bool
	}{
		"as asked":            {driver.Object{Key: "photos/a", Size: 1}, true},
		"empty":               {driver.Object{Key: "photos/a"}, true},
		"another key":         {driver.Object{Key: "photos/b", Size: 1}, false},
		"outside the prefix":  {driver.Object{Key: "a", Size: 1}, false},
		"no key":              {driver.Object{Size: 1}, false},
		"fewer than no bytes": {driver.Object{Key: "photos/a", Size: -1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sideOf(t, showing{object: test.object}).Stat(t.Context(), "a")
			if (err == nil) != test.ok || err != nil && (driver.KindOf(err) != driver.KindFatal || !strings.Contains(err.Error(), `destination: bucket "box"`)) {
				t.Errorf("error %v, want ok %v", err, test.ok)
			}
		})
	}
}
