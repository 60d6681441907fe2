package exchange_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/sdk/driver"
)

// received is what a server saw of a body.
type received struct {
	length int64
	body   string
	err    error
}

// send uploads a body under a framing and returns what arrived.
func send(t *testing.T, framing driver.Framing, body io.Reader, size int64) (received, error) {
	t.Helper()
	arrived := make(chan received, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"e"`)
		arrived <- received{r.ContentLength, string(data), err}
	})
	_, err := newClient(t).Do(t.Context(), driver.Exchange{Method: "PUT", URL: url, Body: framing, Reply: reply}, exchange.Request{Body: body, Size: size})
	if err != nil {
		return received{}, err
	}
	return <-arrived, nil
}

func TestFramings(t *testing.T) {
	t.Parallel()
	hasher := checksum.NewHasher(driver.AlgorithmCRC64NVME)
	_, _ = hasher.Write([]byte("0123456789"))
	sum := base64.StdEncoding.EncodeToString([]byte(hasher.Sums()[0].Value))
	trailer := driver.Framing{Kind: driver.FramingTrailer, TrailerName: "x-crc", TrailerChecksum: driver.AlgorithmCRC64NVME, ChunkSize: 4}
	tests := map[string]struct {
		framing driver.Framing
		body    string
		want    string
	}{
		"raw":                   {driver.Framing{}, "0123456789", "0123456789"},
		"raw, empty":            {driver.Framing{}, "", ""},
		"form":                  {driver.Framing{Kind: driver.FramingForm, Prefix: []byte("<"), Suffix: []byte(">")}, "0123456789", "<0123456789>"},
		"form, empty":           {driver.Framing{Kind: driver.FramingForm, Prefix: []byte("<"), Suffix: []byte(">")}, "", "<>"},
		"trailer":               {trailer, "0123456789", "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\nx-crc:" + sum + "\r\n\r\n"},
		"trailer, empty object": {trailer, "", "0\r\nx-crc:AAAAAAAAAAA=\r\n\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, body := range map[string]io.Reader{
				"at once": strings.NewReader(test.body), "byte by byte": iotest.OneByteReader(strings.NewReader(test.body)),
				"with the end": iotest.DataErrReader(strings.NewReader(test.body)),
			} {
				got, err := send(t, test.framing, body, int64(len(test.body)))
				if err != nil {
					t.Fatal(err)
				}
				if got.body != test.want || got.length != int64(len(test.want)) || got.err != nil {
					t.Errorf("%s: %d bytes %q (%v), want %q", kind, got.length, got.body, got.err, test.want)
				}
			}
		})
	}
}

// TestShortBodyIsNoSuccess: a body that ends early must never look complete.
func TestShortBodyIsNoSuccess(t *testing.T) {
	t.Parallel()
	for name, framing := range map[string]driver.Framing{
		"raw":     {},
		"form":    {Kind: driver.FramingForm, Prefix: []byte("<"), Suffix: []byte(">")},
		"trailer": {Kind: driver.FramingTrailer, TrailerName: "x-crc", TrailerChecksum: driver.AlgorithmCRC32C, ChunkSize: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := send(t, framing, strings.NewReader("012"), 10); err == nil {
				t.Error("3 bytes of 10 were accepted")
			}
		})
	}
}

// TestEarlyAnswerLeavesTheBodyAlone: when Do returns, the caller may use the
// body's bytes for something else, even when the store answered without reading it.
func TestEarlyAnswerLeavesTheBodyAlone(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Store-Id", "i")
		w.WriteHeader(http.StatusForbidden)
	})
	client := newClient(t)
	buffer := make([]byte, 8<<20)
	for range 5 {
		_, err := client.Do(t.Context(), driver.Exchange{Method: "PUT", URL: url, Reply: reply},
			exchange.Request{Body: bytes.NewReader(buffer), Size: int64(len(buffer))})
		if err == nil {
			t.Fatal("a refused body was accepted")
		}
		clear(buffer) // the race detector tells when it is still read
	}
}
