package pack

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	uints := []uint64{0, 1, 127, 128, 1 << 32, math.MaxUint64}
	ints := []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt64, math.MinInt64}
	texts := []string{"", "a", "\x00\xff", string(make([]byte, 300))}
	times := []time.Time{{}, time.Unix(0, 0).UTC(), time.Date(2026, 11, 23, 1, 2, 3, 999_999_999, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)}

	var b []byte
	for _, n := range uints {
		b = AppendUint(b, n)
	}
	for _, n := range ints {
		b = AppendInt(b, n)
	}
	for _, s := range texts {
		b = AppendString(b, s)
	}
	for _, at := range times {
		b = AppendTime(b, at.In(time.FixedZone("east", 3600)))
	}

	r := NewReader(string(b))
	for _, want := range uints {
		if got := r.Uint(); got != want {
			t.Errorf("Uint returned %d, want %d", got, want)
		}
	}
	for _, want := range ints {
		if got := r.Int(); got != want {
			t.Errorf("Int returned %d, want %d", got, want)
		}
	}
	for _, want := range texts {
		if got := r.Text(); got != want {
			t.Errorf("Text returned %q, want %q", got, want)
		}
	}
	for _, want := range times {
		if diff := cmp.Diff(want, r.Time()); diff != "" {
			t.Errorf("Time differs (-want +got):\n%s", diff)
		}
	}
	if r.Err() != nil || r.Len() != 0 {
		t.Errorf("at the end: error %v, %d bytes left", r.Err(), r.Len())
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		packed string
		read   func(*Reader)
	}{
		"no number":             {"", func(r *Reader) { r.Uint() }},
		"number without end":    {"\xff\xff", func(r *Reader) { r.Int() }},
		"number of 65 bits":     {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", func(r *Reader) { r.Uint() }},
		"number of 11 bytes":    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", func(r *Reader) { r.Uint() }},
		"text without end":      {"\x03ab", func(r *Reader) { r.Text() }},
		"text of 2^63 bytes":    {"\xff\xff\xff\xff\xff\xff\xff\xff\x7fab", func(r *Reader) { r.Text() }},
		"time without fraction": {"\x02", func(r *Reader) { r.Time() }},
		"fraction of a second":  {"\x02\x80\x94\xeb\xdc\x03", func(r *Reader) { r.Time() }}, // 1e9 ns
		"what the caller found": {"\x07ab", (*Reader).Fail},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(test.packed)
			test.read(&r)
			if !errors.Is(r.Err(), ErrMalformed) {
				t.Fatalf("error is %v, want ErrMalformed", r.Err())
			}
			if n, s, at := r.Int(), r.Text(), r.Time(); n != 0 || s != "" || !at.IsZero() {
				t.Errorf("after the failure: %d, %q, %v, want zero values", n, s, at)
			}
			if !errors.Is(r.Err(), ErrMalformed) || r.Len() != 0 {
				t.Errorf("the failure was forgotten: %v, %d bytes left", r.Err(), r.Len())
			}
		})
	}
}
