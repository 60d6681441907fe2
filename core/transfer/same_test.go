package transfer

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/throttle"
	"github.com/dth-dev/dth/sdk/driver"
)

// TestSameETag compares ETags of two answers of one store.
func TestSameETag(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"equal": {"ab", "ab", true}, "different": {"ab", "ac", false}, "none told": {"", "ab", true},
		"in another case": {"AB", "ab", true}, "made weak on the way": {`W/ab`, "ab", true}, "weak and different": {`W/ab`, "ac", false},
		"of parts": {"ab-2", "ab-3", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sameETag(test.a, test.b); got != test.want {
				t.Errorf("sameETag(%q, %q) = %v", test.a, test.b, got)
			}
		})
	}
}

// TestStreamEndsEarly: a body that ends before its length failed, though its reader says
// that all was well.
func TestStreamEndsEarly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size int64
		want error
	}{"early": {5, io.ErrUnexpectedEOF}, "in time": {4, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Copier{Counters: &observe.Counters{}}
			body := c.newStream(strings.NewReader("four"), test.size, nil)
			_, err := io.Copy(io.Discard, body)
			if !errors.Is(err, test.want) || !errors.Is(body.failure, test.want) {
				t.Errorf("read %v, failure %v, want %v", err, body.failure, test.want)
			}
		})
	}
}

// TestBudgetHoldsWhatBuffersHold: the memory of a lent buffer is no more than was reserved.
func TestBudgetHoldsWhatBuffersHold(t *testing.T) {
	t.Parallel()
	var b buffers
	for _, size := range []int{1, 2, 3, 1023, 1024, 1025, bufferLimit - 1, bufferLimit} {
		buffer, giveBack := b.take(size)
		if cap(buffer) != held(size) {
			t.Errorf("%d bytes are held for %d, %d are reserved", cap(buffer), size, held(size))
		}
		giveBack()
	}
	budget := throttle.NewBudget(bufferLimit)
	if release, err := budget.Reserve(t.Context(), int64(held(bufferLimit))); err != nil {
		t.Error(err)
	} else {
		release()
	}
}

// TestProbesAreKnown: the finder of the same process does not take probes for objects that
// only the destination has; those of another process are like any others.
func TestProbesAreKnown(t *testing.T) {
	t.Parallel()
	c := &Copier{Destination: &Side{Prefix: "to/"}}
	if c.IsProbe(probeName) {
		t.Error("a process that tried nothing knows a probe")
	}
	for _, key := range []string{"/lead", "a//b", "a/", "a/.", "\x01", "A"} {
		for _, kind := range unusualnesses(key, 1) {
			c.probes.of(kind.name)
			p := c.newProbe(kind)
			if !c.IsProbe(p.odd) || !c.IsProbe(p.plain) {
				t.Errorf("%q and %q are not known", p.odd, p.plain)
			}
			if p.odd == p.plain || len(unusualnesses(p.plain, 1)) > 0 {
				t.Errorf("%q is tried beside %q", p.odd, p.plain)
			}
		}
	}
	if c.IsProbe("to/" + probeName + "0123456789abcdef") {
		t.Error("the probe of another process is passed over")
	}
}

// TestPlainKeysAreNotTried: the keys of most objects cost nothing.
func TestPlainKeysAreNotTried(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"a", "a/b.txt", "2026/11/30/log-1.gz", "日本/写真", "a b", "100%", "a&b=c", ".hidden/..x", "😀"} {
		if kinds := unusualnesses(key, 1); len(kinds) > 0 {
			t.Errorf("%q has %s", key, kinds[0].name)
		}
	}
}

// TestErrorsAreNoEnds: an error of a store never looks like the end of a listing.
func TestErrorsAreNoEnds(t *testing.T) {
	t.Parallel()
	s := &Side{Role: Source, Name: "b"}
	for name, err := range map[string]error{
		"plain": io.EOF, "of a driver": &driver.Error{Kind: driver.KindUnavailable, Message: "no answer", Err: io.EOF},
		"without a text": &driver.Error{Kind: driver.KindUnavailable, Err: io.EOF},
	} {
		got := s.failed(1, err)
		var failure *driver.Error
		isDrivers := errors.As(err, &failure)
		if errors.Is(got, io.EOF) || isDrivers && driver.KindOf(got) != driver.KindUnavailable {
			t.Errorf("%s: %v, kind %v", name, got, driver.KindOf(got))
		}
	}
}
