package transfer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/plan"
	"github.com/dth-dev/dth/sdk/driver"
)

func keeps(algorithms ...driver.Algorithm) *Side {
	return &Side{Session: driver.Session{Checksums: driver.Checksums{Stored: algorithms}}}
}

func TestPartAlgorithms(t *testing.T) {
	t.Parallel()
	const nvme, ecma, qetag, sha, md5 = driver.AlgorithmCRC64NVME, driver.AlgorithmCRC64ECMA, driver.AlgorithmQETag, driver.AlgorithmSHA256, driver.AlgorithmMD5
	for name, test := range map[string]struct {
		source, destination *Side
		want                []driver.Algorithm
	}{
		"both keep one":                    {keeps(nvme), keeps(nvme), []driver.Algorithm{nvme}},
		"the source keeps it as a second":  {keeps(ecma, nvme), keeps(nvme), []driver.Algorithm{nvme}},
		"each keeps its own":               {keeps(ecma), keeps(nvme), []driver.Algorithm{nvme, ecma}},
		"Qiniu's of the source":            {keeps(qetag), keeps(ecma), []driver.Algorithm{ecma, qetag}},
		"the source's says nothing whole":  {keeps(sha), keeps(nvme), []driver.Algorithm{nvme}},
		"the source keeps none":            {keeps(), keeps(nvme), []driver.Algorithm{nvme}},
		"the destination keeps none":       {keeps(nvme), keeps(), []driver.Algorithm{nvme}},
		"nobody keeps any":                 {keeps(), keeps(), nil},
		"the destination has MD5 in ETags": {keeps(ecma), &Side{Session: driver.Session{Checksums: driver.Checksums{ETagMD5: true}}}, []driver.Algorithm{md5, ecma}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Copier{Source: test.source, Destination: test.destination}
			if diff := cmp.Diff(test.want, c.partAlgorithms()); diff != "" {
				t.Errorf("algorithms (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPartsProveBothEnds: two stores that keep different checksums of the whole both
// confirm the parts, and the destination is told its own only.
func TestPartsProveBothEnds(t *testing.T) {
	t.Parallel()
	data := []byte("the bytes of one object in three parts")
	whole := checksum.NewHasher(driver.AlgorithmCRC64NVME, driver.AlgorithmCRC64ECMA)
	_, _ = whole.Write(data) // never fails
	for name, test := range map[string]struct {
		source, destination driver.Algorithm
		sums                int
	}{
		"different": {driver.AlgorithmCRC64ECMA, driver.AlgorithmCRC64NVME, 2},
		"equal":     {driver.AlgorithmCRC64ECMA, driver.AlgorithmCRC64ECMA, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Copier{Source: keeps(test.source), Destination: keeps(test.destination)}
			layout := plan.Layout{Size: int64(len(data)), PartSize: 16}
			a := &assembly{layout: layout, parts: map[int]journal.Part{}}
			for number := 1; number <= layout.Parts(); number++ {
				offset, length := layout.Part(number)
				hasher := checksum.NewHasher(c.partAlgorithms()...)
				_, _ = hasher.Write(data[offset : offset+length]) // never fails
				part := journal.Part{Number: number, Size: length}
				part.Checksum, part.SourceChecksum = c.bySide(hasher.PartSums())
				a.parts[number] = part
			}
			sums := joined(layout, a.parts)
			if len(sums) != test.sums {
				t.Fatalf("checksums %v, want %d", sums, test.sums)
			}
			stated := func(algorithm driver.Algorithm) []driver.Checksum {
				return []driver.Checksum{checksum.Find(whole.Sums(), algorithm)}
			}
			got, err := c.prove(a.task, "etag", sums, stated(test.source), stated(test.destination))
			if err != nil || got.grade != journal.GradeBoth {
				t.Errorf("grade %q, %v", got.grade, err)
			}
			if told := a.completion(sums).Checksum; told.Algorithm != test.destination {
				t.Errorf("the destination is told %v", told.Algorithm)
			}
			for number := range a.parts {
				part := a.parts[number]
				part.Checksum = driver.Checksum{}
				a.parts[number] = part
			}
			if told := a.completion(joined(layout, a.parts)).Checksum; !told.IsZero() {
				t.Errorf("the destination is told %v, which only the source keeps", told.Algorithm)
			}
		})
	}
}
