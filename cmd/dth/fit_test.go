package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestUnmappableKeys: a key that is too long once it stands below the prefix.
func TestUnmappableKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 1024)
	for name, test := range map[string]struct {
		flags []string
		code  int
		want  []string // what the report says
	}{
		"fail":         {nil, exitIncomplete, []string{"failed " + long, "the store takes 1024", "--unmappable drop leaves it out", "unmappable  1"}},
		"drop":         {[]string{"--unmappable=drop"}, exitIncomplete, []string{"skipped " + long, "unmappable  1"}},
		"drop allowed": {[]string{"--unmappable=drop", "--allow-skipped"}, exitDone, []string{"skipped " + long}},
		"encode":       {[]string{"--unmappable=encode"}, exitIncomplete, []string{"failed " + long, "nor can it be encoded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStores(t)
			put(t, s.source, "src", map[string]string{long: "1", "good": "2"})
			to := strings.Replace(s.to, "mem://dst", "mem://dst/new/", 1)
			got := s.run(append([]string{"sync", s.from, to}, test.flags...)...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d: %s", got.code, test.code, got.stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("the report lacks %q:\n%s", want, got.stdout)
				}
			}
			if diff := cmp.Diff([]string{"new/good"}, s.destination.Keys("dst")); diff != "" {
				t.Errorf("the run did not go on (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStorageClassAndTags(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	attributes := driver.Attributes{StorageClass: "COOL", Tags: []driver.Tag{{Key: "kind", Value: "a b"}}}
	if _, err := s.source.Put("src", "a", []byte("1"), attributes); err != nil {
		t.Fatal(err)
	}
	if got := s.run("sync", s.from, s.to, "--storage-class=COLD"); got.code != exitUsage ||
		!strings.Contains(got.stderr, `--storage-class: the destination has no storage class "COLD": write one of HOT (hot), COOL (cool), ARCHIVE (archive)`) {
		t.Fatalf("an unknown class: %+v", got)
	}
	if got := s.run("sync", s.from, s.to, "--storage-class=source", "--tags", "--json"); got.code != exitDone || !strings.Contains(got.stdout, `"get-tags": 1`) {
		t.Fatalf("sync: %+v", got)
	}
	object, _, err := s.destination.Get("dst", "a")
	if err != nil {
		t.Fatal(err)
	}
	if object.StorageClass != "COOL" {
		t.Errorf("class %q, want COOL", object.StorageClass)
	}
	if tags, err := s.destination.Tags("dst", "a"); err != nil || !cmp.Equal(attributes.Tags, tags) {
		t.Errorf("tags %v, %v, want %v", tags, err, attributes.Tags)
	}
	if got := s.run("copy", strings.Replace(s.from, "mem://src", "mem://src/a", 1), strings.Replace(s.to, "mem://dst", "mem://dst/b", 1), "--storage-class=HOT"); got.code != exitDone {
		t.Fatalf("copy: %+v", got)
	}
	if object, _, err := s.destination.Get("dst", "b"); err != nil || object.StorageClass != "HOT" {
		t.Errorf("copied as %+v, %v", object, err)
	}
	if tags, err := s.destination.Tags("dst", "b"); err != nil || tags != nil {
		t.Errorf("tags %v, %v are copied though nobody asked for them", tags, err)
	}
}
