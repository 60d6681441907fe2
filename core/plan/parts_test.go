package plan_test

import (
	"testing"

	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

const mib = 1 << 20

var s3 = driver.Limits{MaxPut: 5 << 30, MinPart: 5 * mib, MaxPart: 5 << 30, MaxParts: 10_000, MaxObject: 10_000 * (5 << 30)}

func TestDivide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		size      int64
		limits    driver.Limits
		multipart bool
		wantPart  int64
		wantParts int
		wantError bool
	}{
		"empty":                       {0, s3, true, 0, 1, false},
		"small":                       {1, s3, true, 0, 1, false},
		"below the threshold":         {64*mib - 1, s3, true, 0, 1, false},
		"at the threshold":            {64 * mib, s3, true, 32 * mib, 2, false},
		"last part shorter":           {65 * mib, s3, true, 32 * mib, 3, false},
		"parts grow with the object":  {5 << 40, s3, true, 528 * mib, 9930, false},
		"largest object":              {10_000 * (5 << 30), s3, true, 5 << 30, 10_000, false},
		"too large":                   {10_000*(5<<30) + 1, s3, true, 0, 1, true},
		"no parts":                    {1 << 30, s3, false, 0, 1, false},
		"no parts and too large":      {6 << 30, s3, false, 0, 1, true},
		"smallest put forces parts":   {20 * mib, driver.Limits{MaxPut: 10 * mib, MaxPart: 8 * mib}, true, 8 * mib, 3, false},
		"parts cannot cover":          {100 * mib, driver.Limits{MaxPart: 8 * mib, MaxParts: 2}, true, 0, 1, true},
		"store wants larger parts":    {100 * mib, driver.Limits{MinPart: 64 * mib}, true, 64 * mib, 2, false},
		"no limits known, one stream": {1 << 40, driver.Limits{}, false, 0, 1, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			layout, err := plan.Divide(test.size, plan.DefaultSizes, test.limits, test.multipart)
			if (err != nil) != test.wantError {
				t.Fatalf("error = %v, want error %v", err, test.wantError)
			}
			if err == nil && (layout.PartSize != test.wantPart || layout.Parts() != test.wantParts) {
				t.Errorf("got %d parts of %d, want %d of %d", layout.Parts(), layout.PartSize, test.wantParts, test.wantPart)
			}
		})
	}
}

func FuzzDivideCoversExactly(f *testing.F) {
	f.Add(int64(0), int64(5*mib), int64(5<<30), 10_000, int64(32*mib))
	f.Add(int64(5<<40), int64(5*mib), int64(5<<30), 10_000, int64(32*mib))
	f.Add(int64(12345), int64(1), int64(100), 1000, int64(7))
	f.Fuzz(func(t *testing.T, size, minPart, maxPart int64, maxParts int, wish int64) {
		if size < 0 || minPart < 0 || maxPart < minPart || maxParts < 0 || maxParts > 10_000 || wish < 1 || size > 1<<50 {
			t.Skip("not a store's limits")
		}
		limits := driver.Limits{MinPart: minPart, MaxPart: maxPart, MaxParts: maxParts}
		layout, err := plan.Divide(size, plan.Sizes{Threshold: 1, Part: wish}, limits, true)
		if err != nil {
			if maxPart == 0 || maxParts == 0 || size <= maxPart*int64(maxParts) {
				t.Fatalf("refused %d bytes with %+v: %v", size, limits, err)
			}
			return
		}
		parts := layout.Parts()
		if maxParts > 0 && parts > maxParts {
			t.Fatalf("%d parts, at most %d", parts, maxParts)
		}
		numbers := []int{1, 2, parts - 1, parts}
		for _, n := range numbers {
			if n < 1 || n > parts {
				continue
			}
			offset, length := layout.Part(n)
			end := size
			if n < parts {
				end, _ = layout.Part(n + 1)
			}
			if offset+length != end || (size > 0 && length <= 0) {
				t.Fatalf("part %d of %d covers %d+%d, want up to %d", n, parts, offset, length, end)
			}
			if layout.Multipart() && maxPart > 0 && length > maxPart {
				t.Fatalf("part %d has %d bytes, at most %d", n, length, maxPart)
			}
			if layout.Multipart() && n < parts && length < minPart {
				t.Fatalf("part %d has %d bytes, at least %d", n, length, minPart)
			}
		}
		if offset, _ := layout.Part(1); offset != 0 {
			t.Fatalf("first part begins at %d", offset)
		}
	})
}
