package diff_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/diff"
	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// stream is an ordered stream from memory that may end in an error.
type stream struct {
	objects []driver.Object
	err     error
}

func (s *stream) Next(context.Context) (*driver.Object, error) {
	if len(s.objects) == 0 {
		if s.err != nil {
			return nil, s.err
		}
		return nil, io.EOF
	}
	object := &s.objects[0]
	s.objects = s.objects[1:]
	return object, nil
}

func objects(prefix string, keys []string) *stream {
	s := &stream{}
	for _, key := range keys {
		s.objects = append(s.objects, driver.Object{Key: prefix + key})
	}
	return s
}

func records(keys []string) iter.Seq2[journal.Record, error] {
	return func(yield func(journal.Record, error) bool) {
		for _, key := range keys {
			if !yield(journal.Record{Key: key}, nil) {
				return
			}
		}
	}
}

// merged returns every pair as "KEY" and the letters of who has it.
func merged(t *testing.T, source, destination, record []string) []string {
	t.Helper()
	merger := diff.NewMerger(objects("from/", source), objects("to-this/", destination), len("from/"), len("to-this/"), records(record))
	defer merger.Close()
	var pairs []string
	for {
		pair, err := merger.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return pairs
		}
		if err != nil {
			t.Fatal(err)
		}
		who := ""
		if pair.Source != nil {
			who += "s"
		}
		if pair.Destination != nil {
			who += "d"
		}
		if pair.Record != nil {
			who += "j"
		}
		pairs = append(pairs, fmt.Sprintf("%q %s", pair.Key, who))
	}
}

// naive merges by sets.
func naive(source, destination, record []string) []string {
	who := map[string]string{}
	for _, key := range source {
		who[key] += "s"
	}
	for _, key := range destination {
		who[key] += "d"
	}
	for _, key := range record {
		if who[key] != "" {
			who[key] += "j"
		}
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(who)) {
		pairs = append(pairs, fmt.Sprintf("%q %s", key, who[key]))
	}
	return pairs
}

func TestMergerEndsWithEitherSide(t *testing.T) {
	t.Parallel()
	tests := map[string][3][]string{
		"nothing":           {},
		"only source":       {{"a", "b"}, nil, nil},
		"only destination":  {nil, {"a", "b"}, nil},
		"only journal":      {nil, nil, {"a"}},
		"all equal":         {{"a", "b"}, {"a", "b"}, {"a", "b"}},
		"interleaved":       {{"a", "c", "e"}, {"b", "c", "d"}, {"a", "d", "f"}},
		"bytes, not runes":  {{"a", "ä", "\xff"}, {"B", "ä"}, nil},
		"empty key is one":  {{"", "a"}, {""}, {""}},
		"journal far ahead": {{"a", "m"}, nil, {"a", "b", "c", "z"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if difference := cmp.Diff(naive(test[0], test[1], test[2]), merged(t, test[0], test[1], test[2])); difference != "" {
				t.Error(difference)
			}
		})
	}
}

func FuzzMergerEqualsSets(f *testing.F) {
	f.Add("a b c", "b c d", "c d e")
	f.Add("", "x", "x y")
	f.Fuzz(func(t *testing.T, source, destination, record string) {
		split := func(text string) []string {
			keys := strings.Split(text, " ")
			slices.Sort(keys)
			return slices.Compact(keys)
		}
		a, b, c := split(source), split(destination), split(record)
		if difference := cmp.Diff(naive(a, b, c), merged(t, a, b, c)); difference != "" {
			t.Error(difference)
		}
	})
}

// TestBrokenListingIsNoEnd: an error on either side ends the merge as an error,
// never as if the keys after it were absent.
func TestBrokenListingIsNoEnd(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, side := range []string{"source", "destination"} {
		source, destination := objects("", []string{"a", "b"}), objects("", []string{"a", "b", "c"})
		map[string]*stream{"source": source, "destination": destination}[side].err = broken
		merger := diff.NewMerger(source, destination, 0, 0, records(nil))
		var err error
		for err == nil {
			_, err = merger.Next(t.Context())
		}
		merger.Close()
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v, want the error of the listing", side, err)
		}
	}
}

// TestBrokenJournalStays: a failure of the journal is told again by each later call, and
// never followed by pairs that look as if the journal did not know them.
func TestBrokenJournalStays(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	merger := diff.NewMerger(objects("", []string{"a", "b"}), objects("", []string{"a", "b"}), 0, 0, func(yield func(journal.Record, error) bool) {
		yield(journal.Record{}, broken)
	})
	defer merger.Close()
	for range 3 {
		if pair, err := merger.Next(t.Context()); !errors.Is(err, broken) {
			t.Errorf("got %q, %v; want the error of the journal", pair.Key, err)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const md5, otherMD5, parts = "00112233445566778899aabbccddeeff", "ff112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff-2"
	old, young := time.Unix(1000, 0), time.Unix(2000, 0)
	object := func(size int64, etag string, modified time.Time) *driver.Object {
		return &driver.Object{Size: size, ETag: etag, Modified: modified}
	}
	done := func(source, destination string) *journal.Record {
		return &journal.Record{Outcome: journal.OutcomeDone, SourceETag: source, DestinationETag: destination}
	}
	auto := diff.Comparer{By: job.CompareAuto, SourceMD5: true, DestinationMD5: true}
	opaque := diff.Comparer{By: job.CompareAuto, SourceMD5: true}
	strict := opaque
	strict.Strict = true
	tests := map[string]struct {
		comparer            diff.Comparer
		source, destination *driver.Object
		record              *journal.Record
		want                diff.Verdict
	}{
		"other size":                    {auto, object(1, md5, old), object(2, md5, young), done(md5, md5), diff.Different},
		"same MD5":                      {auto, object(1, md5, young), object(1, strings.ToUpper(md5), old), nil, diff.Same},
		"other MD5":                     {auto, object(1, md5, old), object(1, otherMD5, young), nil, diff.Different},
		"MD5 against parts, newer":      {auto, object(1, md5, old), object(1, parts, young), nil, diff.Same},
		"MD5 against parts, older":      {auto, object(1, md5, young), object(1, parts, old), nil, diff.Different},
		"on record":                     {auto, object(1, md5, young), object(1, parts, old), done(md5, parts), diff.Same},
		"source changed since":          {auto, object(1, otherMD5, old), object(1, parts, young), done(md5, parts), diff.Different},
		"destination changed since":     {auto, object(1, md5, old), object(1, "x-3", young), done(md5, parts), diff.Different},
		"equal although not on record":  {auto, object(1, md5, old), object(1, md5, young), done(otherMD5, otherMD5), diff.Same},
		"failed record says nothing":    {auto, object(1, md5, young), object(1, parts, old), &journal.Record{Outcome: journal.OutcomeFailed, SourceETag: md5, DestinationETag: parts}, diff.Different},
		"opaque ETags, newer":           {opaque, object(1, md5, old), object(1, otherMD5, young), nil, diff.Same},
		"opaque ETags, older":           {opaque, object(1, md5, young), object(1, md5, old), nil, diff.Different},
		"strict does not trust times":   {strict, object(1, md5, old), object(1, otherMD5, young), nil, diff.Unclear},
		"no ETags at all, newer":        {auto, object(1, "", old), object(1, "", young), done("", ""), diff.Same},
		"by size":                       {diff.Comparer{By: job.CompareSize}, object(1, md5, young), object(1, otherMD5, old), nil, diff.Same},
		"by time":                       {diff.Comparer{By: job.CompareMtime}, object(1, md5, young), object(1, md5, old), nil, diff.Different},
		"by checksum":                   {diff.Comparer{By: job.CompareChecksum}, object(1, md5, old), object(1, md5, young), nil, diff.Unclear},
		"by ETag, opaque and no record": {diff.Comparer{By: job.CompareETag}, object(1, md5, old), object(1, md5, young), nil, diff.Unclear},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair := diff.Pair{Source: test.source, Destination: test.destination, Record: test.record}
			if got := test.comparer.Compare(pair); got != test.want {
				t.Errorf("Compare = %d, want %d", got, test.want)
			}
		})
	}
}
