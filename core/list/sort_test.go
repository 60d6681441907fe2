package list_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/sdk/driver"
)

// scattered is a lister of n objects in an order that has nothing to do with their
// keys, each page but the first repeating the last object of the one before.
type scattered struct {
	n      int
	broken int // the page that fails, from 1; 0 for none
	stuck  int // the page that comes only when the context ends, from 1; 0 for none
}

const perPage = 1000

func (s scattered) object(i int) driver.Object {
	// 7919 is prime and so passes through all numbers below an n that it does not divide.
	key := fmt.Sprintf("folder/%09d/name of an object", i*7919%s.n)
	return driver.Object{
		Key: key, Size: int64(i), ETag: fmt.Sprintf("%032x", i), StorageClass: []string{"", "cold"}[i%2], Frozen: i%4 == 1,
		Modified: time.Unix(int64(i), 100).UTC(),
	}
}

func (s scattered) List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error) {
	from, _ := strconv.Atoi(request.Token) // none is 0
	number := from/perPage + 1
	if number == s.broken {
		return driver.ListPage{}, errors.New("broken")
	}
	if number == s.stuck {
		<-ctx.Done()
		return driver.ListPage{}, ctx.Err()
	}
	var page driver.ListPage
	for i := max(from-1, 0); i < min(from+perPage, s.n); i++ {
		page.Objects = append(page.Objects, s.object(i))
	}
	if from+perPage < s.n {
		page.Next = strconv.Itoa(from + perPage)
	}
	return page, nil
}

func TestUnorderedListingIsSorted(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 999, 1001, 120_000} { // the last does not fit into one run
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			lister, directory := scattered{n: n}, t.TempDir()
			var counter atomic.Int64
			stream := list.OpenUnordered(t.Context(), lister, "", directory, &counter)
			var got []driver.Object
			for {
				object, err := stream.Next(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, *object)
			}
			stream.Close()
			var want []driver.Object
			for i := range n {
				want = append(want, lister.object(i))
			}
			slices.SortFunc(want, func(x, y driver.Object) int { return strings.Compare(x.Key, y.Key) })
			if !slices.EqualFunc(got, want, sameListed) {
				t.Errorf("%d objects came, %d were listed, or another than these", len(got), len(want))
			}
			if counter.Load() != int64(n) {
				t.Errorf("counted %d", counter.Load())
			}
			nothingIn(t, directory)
		})
	}
}

// sameListed compares what listings show.
func sameListed(x, y driver.Object) bool {
	return x.Key == y.Key && x.Size == y.Size && x.ETag == y.ETag && x.StorageClass == y.StorageClass && x.Frozen == y.Frozen && x.Modified.Equal(y.Modified)
}

func nothingIn(t *testing.T, directory string) {
	t.Helper()
	left, err := os.ReadDir(directory)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnorderedListingThatBreaksOff(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	stream := list.OpenUnordered(t.Context(), scattered{n: 100_000, broken: 90}, "", directory, nil)
	object, err := stream.Next(t.Context())
	if object != nil || err == nil || err.Error() != "broken" {
		t.Errorf("got %v, %v", object, err)
	}
	stream.Close()
	nothingIn(t, directory)
}

func TestUnorderedListingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stream := list.OpenUnordered(ctx, scattered{n: 100_000, stuck: 80}, "", t.TempDir(), nil)
	cancel()
	if _, err := stream.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	stream.Close() // waits for the end
}

func TestUnorderedListingWithoutRoom(t *testing.T) {
	t.Parallel()
	stream := list.OpenUnordered(t.Context(), scattered{n: 100_000}, "", "/no/such/directory", nil)
	defer stream.Close()
	if _, err := stream.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("error %v", err)
	}
}

// twice lists two objects of one key.
type twice [2]driver.Object

func (o twice) List(context.Context, driver.ListRequest) (driver.ListPage, error) {
	return driver.ListPage{Objects: o[:]}, nil
}

func TestKeyThatIsListedTwice(t *testing.T) {
	t.Parallel()
	old := driver.Object{Key: "k", Size: 1, ETag: "a", Modified: time.Unix(1, 0).UTC()}
	later, other := old, old
	later.Modified, later.ETag = time.Unix(2, 0).UTC(), "b"
	other.ETag = "b"
	longer, cold := old, old
	longer.Size, cold.StorageClass, cold.Frozen = 2, "cold", true
	tests := map[string]struct {
		listed twice
		want   driver.Object
		text   string
	}{
		"the same":      {twice{old, old}, old, ""},
		"overwritten":   {twice{old, later}, later, ""},
		"later first":   {twice{later, old}, later, ""},
		"contradicting": {twice{old, other}, driver.Object{}, `shows "k" twice`},
		"of two sizes":  {twice{old, longer}, driver.Object{}, `as 1 bytes with ETag "a" and as 2 bytes`},
		"moved":         {twice{old, cold}, old, ""}, // the same version in another class
		"twice as much": {twice{other, later}, later, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := list.OpenUnordered(t.Context(), test.listed, "", t.TempDir(), nil)
			defer stream.Close()
			object, err := stream.Next(t.Context())
			if test.text != "" {
				if err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *object); diff != "" {
				t.Error(diff)
			}
			if _, err := stream.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("then %v", err)
			}
		})
	}
}

// BenchmarkUnorderedMillion sorts a million objects and reports the largest live heap.
func BenchmarkUnorderedMillion(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		stream := list.OpenUnordered(b.Context(), scattered{n: n}, "", b.TempDir(), nil)
		var largest uint64
		count := 0
		for {
			_, err := stream.Next(b.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if count++; count%(n/20) == 1 {
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				largest = max(largest, memory.HeapInuse)
			}
		}
		stream.Close()
		if count != n {
			b.Fatalf("%d objects of %d", count, n)
		}
		if largest > 64<<20 {
			b.Fatalf("the heap holds %d bytes", largest)
		}
		b.ReportMetric(float64(largest)/(1<<20), "MiB-heap")
	}
}
