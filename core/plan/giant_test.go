package plan

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestDivideGiant(t *testing.T) {
	t.Parallel()
	const mib, gib, tib = int64(1) << 20, int64(1) << 30, int64(1) << 40
	s3 := driver.Limits{MinPart: 5 * mib, MaxPart: 5 * gib, MaxParts: 10_000, MaxPut: 5 * gib}
	for name, test := range map[string]struct {
		size, part int64
		limits     driver.Limits
		want       int64
		parts      int
	}{
		"the smallest giant":           {gib, 0, s3, 64 * mib, 16},
		"up to 562 GiB in 64 MiB":      {9_000 * 64 * mib, 0, s3, 64 * mib, 9_000},
		"one byte more":                {9_000*64*mib + 1, 0, s3, 68 * mib, 8_471},
		"5 TiB":                        {5 * tib, 0, s3, 584 * mib, 8_978},
		"50 TB, the largest of S3":     {50_000 * 1_000_000_000, 0, s3, 5 * gib, 9_314},
		"a store of 1,000 parts":       {100 * gib, 0, driver.Limits{MaxParts: 1_000}, 104 * mib, 985},
		"the store's smallest part":    {gib, 0, driver.Limits{MinPart: 100 * mib}, 100 * mib, 11},
		"the store's largest part":     {gib, 0, driver.Limits{MaxPart: 32 * mib}, 32 * mib, 32},
		"as the user wishes":           {gib, 8 * mib, s3, 8 * mib, 128},
		"larger than the user wishes":  {100 * gib, 8 * mib, s3, 12 * mib, 8_534},
		"smaller than one part":        {10, 0, s3, 64 * mib, 1},
		"one part and one byte in two": {64*mib + 1, 0, s3, 64 * mib, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			layout, err := DivideGiant(test.size, test.part, test.limits, true)
			if err != nil {
				t.Fatal(err)
			}
			if layout.PartSize != test.want || layout.Parts() != test.parts {
				t.Errorf("%d parts of %d bytes, want %d of %d", layout.Parts(), layout.PartSize, test.parts, test.want)
			}
		})
	}
}

func TestDivideGiantRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size      int64
		limits    driver.Limits
		multipart bool
	}{
		"a store without parts":      {1 << 30, driver.Limits{}, false},
		"an empty object":            {0, driver.Limits{}, true},
		"more than the store holds":  {1 << 30, driver.Limits{MaxObject: 1 << 20}, true},
		"more than its parts hold":   {1 << 30, driver.Limits{MaxParts: 10, MaxPart: 1 << 20}, true},
		"more than 10,000 of 5 GiB ": {60_000 << 30, driver.Limits{MaxParts: 10_000, MaxPart: 5 << 30}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if layout, err := DivideGiant(test.size, 0, test.limits, test.multipart); err == nil {
				t.Errorf("laid out as %+v, want an error", layout)
			}
		})
	}
}

// TestPredecessorFleet4LastPartEndsWithTheObject: the parts follow each other without a
// gap and the last one ends with the object; the predecessor's ended one byte behind it.
// Shown to fail by having Layout.Part return the part size for the last part too.
func TestPredecessorFleet4LastPartEndsWithTheObject(t *testing.T) {
	t.Parallel()
	limits := driver.Limits{MinPart: 5 << 20, MaxPart: 5 << 30, MaxParts: 10_000}
	for _, size := range []int64{1, 1<<30 - 1, 1 << 30, 1<<30 + 1, 5<<40 - 1, 5 << 40} {
		layout, err := DivideGiant(size, 0, limits, true)
		if err != nil {
			t.Fatal(err)
		}
		var end int64
		for number := 1; number <= layout.Parts(); number++ {
			offset, length := layout.Part(number)
			if offset != end || length <= 0 {
				t.Fatalf("size %d: part %d is %d+%d, the one before ended at %d", size, number, offset, length, end)
			}
			end = offset + length
		}
		if end != size {
			t.Errorf("the parts of %d bytes end at %d", size, end)
		}
	}
}
