package checksum_test

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

var crcs = []driver.Algorithm{
	driver.AlgorithmCRC64NVME, driver.AlgorithmCRC64ECMA, driver.AlgorithmCRC32C, driver.AlgorithmCRC32,
}

func sum(t testing.TB, algorithm driver.Algorithm, data []byte) driver.Checksum {
	t.Helper()
	h := checksum.NewHasher(algorithm)
	if _, err := h.Write(data); err != nil {
		t.Fatal(err)
	}
	return checksum.Find(h.Sums(), algorithm)
}

func TestHasherKnowsTheCheckValues(t *testing.T) {
	t.Parallel()
	// The catalogue's check value of each algorithm is that of "123456789".
	want := map[driver.Algorithm]string{
		driver.AlgorithmCRC64NVME: "ae8b14860a799888",
		driver.AlgorithmCRC64ECMA: "995dc9bbdf1939fa",
		driver.AlgorithmCRC32C:    "e3069283",
		driver.AlgorithmCRC32:     "cbf43926",
		driver.AlgorithmMD5:       "25f9e794323b453885f5181f1b624d0b",
	}
	for algorithm, value := range want {
		if got := hex.EncodeToString([]byte(sum(t, algorithm, []byte("123456789")).Value)); got != value {
			t.Errorf("%s of 123456789 = %s, want %s", algorithm, got, value)
		}
	}
}

func TestCombineEqualsTheWhole(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, algorithm := range crcs {
		for range 100 {
			data := make([]byte, random.IntN(5000))
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			cut := random.IntN(len(data) + 1)
			got, ok := checksum.Combine(sum(t, algorithm, data[:cut]), sum(t, algorithm, data[cut:]), int64(len(data)-cut))
			if want := sum(t, algorithm, data); !ok || got != want {
				t.Fatalf("%s cut at %d of %d: got %x, want %x", algorithm, cut, len(data), got.Value, want.Value)
			}
		}
	}
}

func TestCombineRefusesWhatHasNoCombination(t *testing.T) {
	t.Parallel()
	md5 := sum(t, driver.AlgorithmMD5, []byte("a"))
	if _, ok := checksum.Combine(md5, md5, 1); ok {
		t.Error("MD5 sums were combined")
	}
	if _, ok := checksum.Combine(sum(t, driver.AlgorithmCRC32, nil), sum(t, driver.AlgorithmCRC32C, nil), 1); ok {
		t.Error("sums of different algorithms were combined")
	}
	composite := sum(t, driver.AlgorithmCRC32, nil)
	composite.Composite = true
	if _, ok := checksum.Combine(composite, composite, 1); ok {
		t.Error("composite sums were combined")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	one, other := sum(t, driver.AlgorithmCRC64NVME, []byte("1")), sum(t, driver.AlgorithmCRC64NVME, []byte("2"))
	md5 := sum(t, driver.AlgorithmMD5, []byte("1"))
	composite := one
	composite.Composite = true
	tests := map[string]struct {
		a, b []driver.Checksum
		want checksum.Verdict
	}{
		"equal":                     {[]driver.Checksum{one, md5}, []driver.Checksum{one}, checksum.Equal},
		"different":                 {[]driver.Checksum{one}, []driver.Checksum{other}, checksum.Different},
		"one difference decides":    {[]driver.Checksum{md5, one}, []driver.Checksum{md5, other}, checksum.Different},
		"nothing in common":         {[]driver.Checksum{one}, []driver.Checksum{md5}, checksum.Unknown},
		"none":                      {nil, []driver.Checksum{md5}, checksum.Unknown},
		"composite says nothing":    {[]driver.Checksum{composite}, []driver.Checksum{composite}, checksum.Unknown},
		"the zero value is nothing": {[]driver.Checksum{{}}, []driver.Checksum{{}}, checksum.Unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := checksum.Compare(test.a, test.b); got != test.want {
				t.Errorf("Compare = %d, want %d", got, test.want)
			}
		})
	}
}
