// Package list reads a whole listing as one ordered stream, whatever the order in
// which the store lists.
package list

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/dth-dev/dth/sdk/driver"
)

// Lister returns pages of a listing, as driver.Bucket does.
type Lister interface {
	List(ctx context.Context, request driver.ListRequest) (driver.ListPage, error)
}

// Stream yields the objects below a prefix by ascending key, each key once and none that
// is empty or begins with anything else. It reads pages
// ahead while the caller works. It is for one goroutine.
type Stream struct {
	pages   chan page
	stop    context.CancelFunc
	ended   chan struct{} // closed when nothing is read any more
	prefix  string
	counter *atomic.Int64

	current []driver.Object
	last    string // the key before; every key comes after the empty one
	failure error
}

type page struct {
	objects []driver.Object
	err     error
}

// pagesAhead is how many pages wait to be used.
const pagesAhead = 2

// Open begins a listing of a store that lists its keys in order. counter, where not
// nil, counts the objects that Next returned. The caller closes the stream.
func Open(ctx context.Context, lister Lister, prefix string, counter *atomic.Int64) *Stream {
	return open(ctx, prefix, counter, func(ctx context.Context, send func([]driver.Object) error) error {
		return readAll(ctx, lister, prefix, send)
	})
}

// open runs fill, which sends all objects in order, beside the stream's user. A listing
// that breaks off is never taken for one that ended.
func open(ctx context.Context, prefix string, counter *atomic.Int64, fill func(context.Context, func([]driver.Object) error) error) *Stream {
	ctx, stop := context.WithCancel(ctx)
	s := &Stream{pages: make(chan page, pagesAhead), stop: stop, ended: make(chan struct{}), prefix: prefix, counter: counter}
	send := func(got page) error {
		select {
		case s.pages <- got:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() {
		defer close(s.ended)
		defer close(s.pages)
		err := fill(ctx, func(objects []driver.Object) error { return send(page{objects: objects}) })
		if err != nil {
			_ = send(page{err: err}) // fails only when nobody listens any more
		}
	}()
	return s
}

// readAll passes all pages on.
func readAll(ctx context.Context, lister Lister, prefix string, send func([]driver.Object) error) error {
	request := driver.ListRequest{Prefix: prefix}
	var tokens Tokens
	for {
		got, err := lister.List(ctx, request)
		if err != nil {
			return err
		}
		if err := tokens.Follow("List", "", got.Next); err != nil {
			return err
		}
		if err := send(got.Objects); err != nil {
			return err
		}
		if request.Token = got.Next; request.Token == "" {
			return nil
		}
	}
}

// Next returns the next object, valid until the call after, or io.EOF at the end
// of a complete listing. Any other error means that the listing is broken and
// nothing may be concluded from what it lacks; it stays.
func (s *Stream) Next(ctx context.Context) (*driver.Object, error) {
	for len(s.current) == 0 {
		if s.failure != nil {
			return nil, s.failure
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case got, open := <-s.pages:
			switch {
			case !open && ctx.Err() != nil:
				return nil, ctx.Err()
			case !open:
				s.failure = io.EOF
			case got.err != nil:
				s.failure = got.err
			default:
				s.current = got.objects
			}
		}
	}
	object := &s.current[0]
	s.current = s.current[1:]
	if problem := s.problem(object.Key); problem != "" {
		s.failure = &driver.Error{Op: "List", Kind: driver.KindFatal, Message: problem}
		s.current = nil
		return nil, s.failure
	}
	s.last = object.Key
	if s.counter != nil {
		s.counter.Add(1)
	}
	return object, nil
}

// problem says why a key cannot be the next one. Callers rely on it: they cut the prefix off
// the keys and compare two streams.
func (s *Stream) problem(key string) string {
	switch {
	case !strings.HasPrefix(key, s.prefix):
		return fmt.Sprintf("the listing of prefix %q has the key %q, which does not begin with it", s.prefix, key)
	case key <= s.last:
		return fmt.Sprintf("the listing is not in order: %q came after %q", key, s.last)
	}
	return ""
}

// Close ends the listing and waits until nothing of it is left.
func (s *Stream) Close() {
	s.stop()
	<-s.ended
}

// Empty returns a stream without objects.
func Empty() *Stream {
	return open(context.Background(), "", nil, func(context.Context, func([]driver.Object) error) error { return nil })
}
