package transfer

import (
	"fmt"
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestShapesOfMetadata: pairs of a usual shape are one group, whatever they say; each
// character that a store may drop a name for makes another.
func TestShapesOfMetadata(t *testing.T) {
	t.Parallel()
	usual := []driver.Metadata{{Name: "owner", Value: "me"}, {Name: "Cost-Center-7", Value: "{a: b_c}"}, {Name: "x", Value: "a b"}}
	for _, pair := range usual {
		if s := shapeOf(&pair); s != 0 {
			t.Errorf("%q has the shape %x", pair, uint64(s))
		}
	}
	unusual := []driver.Metadata{
		{Name: "a_b", Value: "1"},
		{Name: "a.b", Value: "1"},
		{Name: "a_b.c", Value: "1"},
		{Name: "a b", Value: "1"},
		{Name: "a~b", Value: "1"},
		{Name: "ä", Value: "1"},
		{Name: "a\tb", Value: "1"},
		{Name: "a", Value: "ä"},
		{Name: "a", Value: "1\t2"},
		{Name: "a", Value: ""},
		{Name: "a", Value: " 1"},
		{Name: "a_b", Value: ""},
	}
	seen := map[shape]driver.Metadata{0: usual[0]}
	for _, pair := range unusual {
		s := shapeOf(&pair)
		if pair.Value == "1\t2" {
			s |= 1 << 63 // is of one group with values beyond US-ASCII
		}
		if other, known := seen[s]; known {
			t.Errorf("%q is of one shape with %q", pair, other)
		}
		seen[s] = pair
	}
	same, other := driver.Metadata{Name: "cost_center", Value: "7"}, driver.Metadata{Name: "__x", Value: "zone"}
	if shapeOf(&same) != shapeOf(&other) {
		t.Errorf("%q and %q are of two shapes", same, other)
	}
}

// TestKeepsAll: an object that has nothing of what was lost goes the short way, which costs
// nothing but the question.
func TestKeepsAll(t *testing.T) { //nolint:paralleltest // counts allocations
	pair := func(name, value string) []driver.Metadata { return []driver.Metadata{{Name: name, Value: value}} }
	written := driver.Attributes{
		ContentType: "text/plain", CacheControl: "no-cache", StorageClass: "COOL", Tags: []driver.Tag{{Key: "k", Value: "v"}},
		Metadata: []driver.Metadata{{Name: "owner", Value: "me"}, {Name: "zone", Value: "1"}, {Name: "cost_center", Value: "7"}},
	}
	held := heldObject{tags: written.Tags}
	held.Attributes, held.StorageClass = written, "COOL"
	held.Attributes.CacheControl, held.Attributes.Metadata = "", pair("owner", "me")
	var k keeping
	if k.keepsAll(&written) {
		t.Error("everything is kept before any look")
	}
	k.learn(attributesOf(written), held, true)
	tests := map[string]struct {
		attributes driver.Attributes
		want       bool
	}{
		"nothing":                  {driver.Attributes{}, true},
		"what is kept":             {driver.Attributes{ContentType: "a/b", StorageClass: "COOL", Tags: written.Tags, Metadata: pair("owner", "x")}, true},
		"another name":             {driver.Attributes{Metadata: pair("Purpose", "x")}, true},
		"a lost header":            {driver.Attributes{CacheControl: "x"}, false},
		"a lost name":              {driver.Attributes{Metadata: pair("Zone", "x")}, false},
		"a lost shape":             {driver.Attributes{Metadata: pair("a_b", "x")}, false},
		"a shape not looked at":    {driver.Attributes{Metadata: pair("owner", "")}, false},
		"a header not looked at":   {driver.Attributes{Expires: "x"}, false},
		"a class not looked at":    {driver.Attributes{StorageClass: "COLD"}, false},
		"kept and lost":            {driver.Attributes{ContentType: "a/b", CacheControl: "x"}, false},
		"metadata, kept, then not": {driver.Attributes{Metadata: append(pair("owner", "x"), pair("a_b", "x")...)}, false},
	}
	for name, test := range tests {
		if got := k.keepsAll(&test.attributes); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	usual := tests["what is kept"].attributes
	if n := testing.AllocsPerRun(100, func() { k.keepsAll(&usual) }); n > 0 {
		t.Errorf("it allocates %v times", n)
	}
}

// TestLooksAreBounded: however many shapes metadata has, no more of them are looked at.
func TestLooksAreBounded(t *testing.T) {
	t.Parallel()
	var k keeping
	const specials = "!#$%&'*"
	looks, full := 0, 0
	for i := range 1 << len(specials) {
		name := "n"
		for bit, c := range specials {
			if i>>bit&1 > 0 {
				name += string(c)
			}
		}
		a := driver.Attributes{Metadata: []driver.Metadata{{Name: name, Value: fmt.Sprint(i)}}}
		if k.keepsAll(&a) {
			continue
		}
		looks++
		if k.learn(k.unknown(a), heldObject{Object: driver.Object{Attributes: a}}, true) {
			full++
		}
	}
	if looks != mostShapes || full != 1 {
		t.Errorf("%d looks, told full %d times; want %d and once", looks, full, mostShapes)
	}
}
