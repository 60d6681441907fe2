package list_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dth-dev/dth/core/list"
	"github.com/dth-dev/dth/sdk/driver"
)

// pages is a lister whose pages are given; page i has the token i.
type pages []struct {
	keys []string
	next string
	err  error
}

func (p pages) List(_ context.Context, request driver.ListRequest) (driver.ListPage, error) {
	i := 0
	if request.Token != "" {
		if _, err := fmt.Sscan(request.Token, &i); err != nil {
			return driver.ListPage{}, err
		}
	}
	page := driver.ListPage{Next: p[i].next}
	for _, key := range p[i].keys {
		page.Objects = append(page.Objects, driver.Object{Key: key})
	}
	return page, p[i].err
}

func read(t *testing.T, p pages) (keys []string, counted int64, err error) {
	t.Helper()
	var counter atomic.Int64
	stream := list.Open(t.Context(), p, "", &counter)
	defer stream.Close()
	for {
		object, err := stream.Next(t.Context())
		if err != nil {
			if again, second := stream.Next(t.Context()); again != nil || !errors.Is(second, err) {
				t.Errorf("after %v came %v, %v", err, again, second)
			}
			return keys, counter.Load(), err
		}
		keys = append(keys, object.Key)
	}
}

func TestStreamReadsAllPages(t *testing.T) {
	t.Parallel()
	keys, counted, err := read(t, pages{
		{keys: []string{"a", "b"}, next: "1"},
		{next: "2"}, // an empty page that is not the end
		{keys: []string{"c"}, next: "3"},
		{},
	})
	if fmt.Sprint(keys) != "[a b c]" || counted != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("got %q, counted %d, %v", keys, counted, err)
	}
}

func TestStreamNeverTakesABreakForTheEnd(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]struct {
		pages pages
		text  string
	}{
		"error on a later page": {pages{{keys: []string{"a"}, next: "1"}, {err: broken}}, "broken"},
		"out of order":          {pages{{keys: []string{"b", "a"}}}, `"a" came after "b"`},
		"out of order later":    {pages{{keys: []string{"b"}, next: "1"}, {keys: []string{"a"}}}, `"a" came after "b"`},
		"same key twice":        {pages{{keys: []string{"a"}, next: "1"}, {keys: []string{"a"}}}, `"a" came after "a"`},
		"an empty key":          {pages{{keys: []string{""}}}, `"" came after ""`},
		"tokens in turn":        {pages{{next: "1"}, {next: "2"}, {next: "3"}, {next: "1"}}, "has no end"},
		"same token twice":      {pages{{keys: []string{"a"}, next: "1"}, {keys: []string{"b"}, next: "1"}}, "had returned before"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := read(t, test.pages); err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %q", err, test.text)
			}
		})
	}
}

// TestStreamShowsNothingOutsideItsPrefix: who cuts the prefix off cuts nothing else.
func TestStreamShowsNothingOutsideItsPrefix(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"empty": "", "shorter": "a", "another folder": "zzzzzzzzzz/k", "in another case": "Photos/k", "before": "photos"} {
		for _, ordered := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", name, ordered), func(t *testing.T) {
				t.Parallel()
				lister := pages{{keys: []string{key}}}
				open := func() *list.Stream { return list.OpenUnordered(t.Context(), lister, "photos/", t.TempDir(), nil) }
				if ordered {
					open = func() *list.Stream { return list.Open(t.Context(), lister, "photos/", nil) }
				}
				stream := open()
				defer stream.Close()
				if object, err := stream.Next(t.Context()); err == nil || !strings.Contains(err.Error(), `"photos/"`) {
					t.Errorf("got %v, %v", object, err)
				}
			})
		}
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stream := list.Open(ctx, pages{{next: "0"}}, "", nil)
	defer stream.Close()
	cancel()
	for {
		if _, err := stream.Next(ctx); err != nil {
			if errors.Is(err, io.EOF) {
				t.Error("a cancelled listing ended as if it were complete")
			}
			return
		}
	}
}
