package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// tagsBetween is a source where something happens around the first answer that tells tags.
type tagsBetween struct {
	store
	before, after func()
	timeless      bool // its listings tell no times of modification
}

func (b tagsBetween) Tags(ctx context.Context, request driver.StatRequest) ([]driver.Tag, error) {
	b.before()
	defer b.after()
	return b.store.Tags(ctx, request)
}

func (b tagsBetween) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	page, err := b.store.List(ctx, request)
	for i := range page.Objects {
		if b.timeless {
			page.Objects[i].Modified = time.Time{}
		}
	}
	return page, err
}

// edition returns what an edition of an object carries; its type and its tags name it.
func edition(number int) driver.Attributes {
	return driver.Attributes{
		ContentType: fmt.Sprintf("text/x-%d", number), Tags: []driver.Tag{{Key: "edition", Value: fmt.Sprint(number)}},
	}
}

// TestTagsAreOfTheVersion: an object that is written again while its tags are asked for has at
// the destination the bytes, the type and the tags of one version, also where both have the
// same bytes, so the same ETag.
func TestTagsAreOfTheVersion(t *testing.T) {
	t.Parallel()
	ways := map[string]int{"small": 100, "streamed": 300 << 10, "in parts": 5 * minPart, "inside": 100, "inside in parts": 40 << 20}
	type rewrite struct {
		after, timeless bool
		later           time.Duration
		seed            byte // of the second edition's bytes; 1 is the first's
	}
	rewrites := map[string]rewrite{
		"before, same bytes":                    {seed: 1, later: time.Minute},
		"before, same bytes, same second":       {seed: 1},
		"before, other bytes":                   {seed: 2, later: time.Minute},
		"after, same bytes":                     {seed: 1, after: true, later: time.Minute},
		"after, same bytes, same second":        {seed: 1, after: true},
		"after, other bytes, same second":       {seed: 2, after: true},
		"before, same bytes, no times are told": {seed: 1, later: time.Minute, timeless: true},
		"after, same bytes, no times are told":  {seed: 1, after: true, later: time.Minute, timeless: true},
	}
	for way, size := range ways {
		for name, test := range rewrites {
			t.Run(way+", "+name, func(t *testing.T) {
				t.Parallel()
				inside := strings.HasPrefix(way, "inside")
				clock := &dial{at: time.Now().Truncate(time.Second)}
				if !inside { // the answers with the bytes tell the store's clock
					clock.turn(-time.Hour)
				}
				w := newWorld(t)
				w.source = startServerAs(t, "src", memdriver.Config{Now: clock.now})
				if inside {
					w.insideOf()
				}
				w.settings.Tags = true
				w.travels(way)
				w.put("object", content(size, 1), edition(1))
				written := false
				rewritten := func() {
					if !written {
						written = true
						clock.turn(test.later)
						w.put("object", content(size, test.seed), edition(2))
					}
				}
				w.atSource = func(s store) driver.Bucket {
					stand := tagsBetween{store: s, before: rewritten, after: func() {}, timeless: test.timeless}
					if test.after {
						stand.before, stand.after = stand.after, stand.before
					}
					return stand
				}
				w.sync()
				if !written {
					t.Fatal("the object was not written again")
				}
				object, data, err := w.destination.Get("dst", "object")
				if err != nil {
					t.Fatal(err)
				}
				tags, err := w.destination.Tags("dst", "object")
				if err != nil || len(tags) != 1 || object.Attributes.ContentType != "text/x-"+tags[0].Value {
					t.Errorf("type %q with tags %v, %v", object.Attributes.ContentType, tags, err)
				}
				if !bytes.Equal(data, content(size, test.seed)) {
					t.Error("the bytes are of another version")
				}
			})
		}
	}
}
