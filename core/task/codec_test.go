package task

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func newCodec(tb testing.TB) *Codec {
	tb.Helper()
	codec, err := NewCodec()
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

// usual returns a batch as a listing makes it: similar keys, ETags that do not
// compress.
func usual(tasks int) Batch {
	batch := Batch{Run: "20261123T065626Z-1f3a"}
	for i := range tasks {
		batch.Tasks = append(batch.Tasks, Task{
			Key:      fmt.Sprintf("photos/2026/11/IMG_%08d.jpg", i),
			Size:     int64(4096 + i*7919%4096),
			ETag:     fmt.Sprintf("%x", md5.Sum([]byte{byte(i)})),
			Modified: time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC),
		})
	}
	return batch
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	for name, batch := range map[string]Batch{
		"empty":     {},
		"no tasks":  {Run: "run"},
		"zero task": {Tasks: []Task{{}}},
		"usual":     usual(100),
		"largest":   usual(maxTasks),
		"key bytes": {Run: string(everyByte), Tasks: []Task{
			{Key: string(everyByte)}, {Key: ""}, {Key: "\xff"}, {Key: "a\x00b"}, {Key: strings.Repeat("\xf0\x9f", 512)},
		}},
		"pair":          {Run: "run", Pair: string(everyByte[:maxPair]), Tasks: []Task{{Key: "k"}}},
		"only a pair":   {Pair: "p"},
		"storage class": {Tasks: []Task{{Key: "k", StorageClass: "DEEP_ARCHIVE"}, {Key: "l"}}},
		"extremes": {Tasks: []Task{
			{Size: math.MaxInt64, Modified: time.Unix(1<<40, 999_999_999).UTC()},
			{Size: math.MinInt64, Modified: time.Time{}},
			{Key: "k", ETag: "W/\"weak\"", VersionID: "null", Modified: time.Unix(-1, 1).UTC()},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			message, err := codec.Encode(batch)
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(batch, got); diff != "" {
				t.Errorf("decoded batch differs (-encoded +decoded):\n%s", diff)
			}
		})
	}
}

func TestCodecIsCompact(t *testing.T) {
	t.Parallel()
	message, err := newCodec(t).Encode(usual(100))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("100 tasks take %d bytes", len(message))
	if len(message) > 3<<10 {
		t.Errorf("100 tasks take %d bytes, want at most 3 KiB", len(message))
	}
}

func TestCodecIsShared(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	var working sync.WaitGroup
	for i := range 16 {
		working.Go(func() {
			batch := usual(i * 10)
			for range 20 {
				message, err := codec.Encode(batch)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := codec.Decode(message)
				if diff := cmp.Diff(batch, got); err != nil || diff != "" {
					t.Errorf("decoded with %v, differs (-encoded +decoded):\n%s", err, diff)
					return
				}
			}
		})
	}
	working.Wait()
}

func TestEncodeRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	for name, batch := range map[string]Batch{
		"too many tasks":  usual(maxTasks + 1),
		"too many bytes":  {Tasks: []Task{{Key: strings.Repeat("k", maxPacked)}}},
		"too long a pair": {Pair: strings.Repeat("p", maxPair+1)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := codec.Encode(batch); err == nil || !strings.Contains(err.Error(), "one message") {
				t.Errorf("Encode returned %v, want an error that says what one message may hold", err)
			}
		})
	}
}

func TestDecodeRefusesWhatIsNoBatch(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	good, err := codec.Encode(usual(3))
	if err != nil {
		t.Fatal(err)
	}
	compressed := func(packed []byte) []byte { return codec.encoder.EncodeAll(packed, []byte{format}) }
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 0x40
	for name, message := range map[string][]byte{
		"nothing":           nil,
		"unknown format":    append([]byte{format + 1}, good[1:]...),
		"JSON":              []byte(`{"tasks":[]}`),
		"only the format":   {format},
		"not compressed":    {format, 0, 0, 0},
		"truncated":         good[:len(good)-5],
		"bit flipped":       flipped,
		"only a pair":       appendPair([]byte{format}, "p"),
		"pair too long":     append(appendPair([]byte{format}, strings.Repeat("p", maxPair+1)), good[1:]...),
		"pair truncated":    appendPair([]byte{format}, "pair")[:11],
		"empty inside":      compressed(nil),
		"trailing bytes":    compressed([]byte{0, 0, 0}),
		"length too large":  compressed([]byte{200}),
		"count too large":   compressed([]byte{0, 3}),
		"count of millions": compressed([]byte{0, 0xff, 0xff, 0xff, 0x7f}),
		"number too long":   compressed(bytes.Repeat([]byte{0xff}, 20)),
		"bomb":              compressed(appendBatch(nil, Batch{Run: strings.Repeat("r", maxPacked)})),
		"secret bomb":       secretBomb(t, appendBatch(nil, Batch{Run: strings.Repeat("r", maxPacked)})),
	} {
		t.Run(name, func(t *testing.T) {
			if batch, err := codec.Decode(message); !errors.Is(err, ErrMalformed) {
				t.Errorf("Decode returned %d tasks and %v, want ErrMalformed", len(batch.Tasks), err)
			}
		})
	}
}

// TestVersionsWithoutPairs read messages with one, and theirs are read: a fleet is upgraded
// machine by machine, while messages wait.
func TestVersionsWithoutPairs(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	batch := usual(2)
	old, err := hex.DecodeString("0328b52ffd04006d040022492026a03101302fdd8dd1ff53eb26444b22d34b9f3af21c40c2e073bf7bf7be779e1816bc1625ec01880198ebb9749ab2baa77637b6dda46bf6afed5d05a0e091a025111111090304021326e2b5756fbd2dc5cf398dbddd21cff532d6a8a624a6478296ffffff8782b1603219d62b2389265144320c5abd3c385879f90da599acd74202100692b6624a611460287035")
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.Decode(old)
	if diff := cmp.Diff(batch, got); err != nil || diff != "" {
		t.Errorf("of an older version: %v (-sent +received):\n%s", err, diff)
	}
	paired := batch
	paired.Pair = "1f3a"
	message, err := codec.Encode(paired)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := codec.decoder.DecodeAll(message[1:], nil) // as they do
	if err != nil || message[0] != old[0] {
		t.Fatalf("format %d, %v", message[0], err)
	}
	got, err = readBatch(string(packed))
	if diff := cmp.Diff(batch, got); err != nil || diff != "" {
		t.Errorf("by an older version: %v (-sent +received):\n%s", err, diff)
	}
}

// secretBomb compresses packed without saying ahead how long it is.
func secretBomb(t *testing.T, packed []byte) []byte {
	t.Helper()
	var message bytes.Buffer
	message.WriteByte(format)
	encoder, err := zstd.NewWriter(&message)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := encoder.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	return message.Bytes()
}

func FuzzDecode(f *testing.F) {
	codec := newCodec(f)
	paired := usual(2)
	paired.Pair = "1f3a"
	for _, batch := range []Batch{{}, usual(1), usual(20), paired} {
		message, err := codec.Encode(batch)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(message, appendBatch(nil, batch))
	}
	f.Fuzz(func(t *testing.T, message, packed []byte) {
		check := func(batch Batch, err error) {
			if err != nil {
				return
			}
			again, err := codec.Encode(batch)
			if err != nil {
				t.Fatalf("a decoded batch cannot be encoded: %v", err)
			}
			got, err := codec.Decode(again)
			if diff := cmp.Diff(batch, got); err != nil || diff != "" {
				t.Fatalf("decoded with %v, differs (-first +second):\n%s", err, diff)
			}
		}
		check(codec.Decode(message))
		check(readBatch(string(packed)))
	})
}

func BenchmarkCodec(b *testing.B) {
	codec := newCodec(b)
	batch := usual(100)
	message, err := codec.Encode(batch)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode 100 tasks", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Encode(batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode 100 tasks", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Decode(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}
