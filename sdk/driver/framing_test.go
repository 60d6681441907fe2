package driver_test

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

func TestFramingLength(t *testing.T) {
	t.Parallel()
	trailer := driver.Framing{
		Kind: driver.FramingTrailer, TrailerName: "x-amz-checksum-crc64nvme",
		TrailerChecksum: driver.AlgorithmCRC64NVME, ChunkSize: 4,
	}
	const end = len("0\r\nx-amz-checksum-crc64nvme:AAAAAAAAAAA=\r\n\r\n")
	tests := map[string]struct {
		framing driver.Framing
		size    int64
		want    int64
	}{
		"raw":                     {driver.Framing{}, 7, 7},
		"form":                    {driver.Framing{Kind: driver.FramingForm, Prefix: []byte("ab"), Suffix: []byte("c")}, 7, 10},
		"trailer, no bytes":       {trailer, 0, int64(end)},
		"trailer, one short":      {trailer, 3, int64(len("3\r\nabc\r\n") + end)},
		"trailer, one full":       {trailer, 4, int64(len("4\r\nabcd\r\n") + end)},
		"trailer, two and a rest": {trailer, 9, int64(2*len("4\r\nabcd\r\n") + len("1\r\na\r\n") + end)},
		"trailer, default size": {driver.Framing{Kind: driver.FramingTrailer, TrailerName: "x", TrailerChecksum: driver.AlgorithmCRC32C},
			driver.DefaultChunkSize, int64(len("10000\r\n\r\n")+driver.DefaultChunkSize) + int64(len("0\r\nx:AAAAAA==\r\n\r\n"))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.framing.Length(test.size); got != test.want {
				t.Errorf("Length(%d) = %d, want %d", test.size, got, test.want)
			}
		})
	}
}

func TestWithoutChunked(t *testing.T) {
	t.Parallel()
	for encoding, want := range map[string]string{
		"": "", "gzip": "gzip", "aws-chunked": "", "aws-chunked,gzip": "gzip", "gzip, aws-chunked": "gzip",
	} {
		if got := driver.WithoutChunked(encoding); got != want {
			t.Errorf("WithoutChunked(%q) = %q, want %q", encoding, got, want)
		}
	}
}
