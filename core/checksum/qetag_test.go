package checksum_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

const block = 4 << 20

// plain is the qetag of a whole body, after https://github.com/qiniu/qetag.
func plain(data []byte) driver.Checksum {
	var sums []byte
	for block := range slices.Chunk(data, block) {
		sum := sha1.Sum(block)
		sums = append(sums, sum[:]...)
	}
	mark, sum := byte(0x96), sha1.Sum(sums)
	if len(data) <= block {
		mark, sum = 0x16, sha1.Sum(data)
	}
	return qetagSum(mark, sum)
}

// ofParts is the qetag of a body in parts of these qetags, after EtagV2 of
// https://github.com/qiniu/java-sdk.
func ofParts(parts ...driver.Checksum) driver.Checksum {
	var all []byte
	for _, part := range parts {
		all = append(all, part.Value[1:21]...)
	}
	sum := qetagSum(0x9e, sha1.Sum(all))
	sum.Composite = true
	return sum
}

func qetagSum(mark byte, sum [sha1.Size]byte) driver.Checksum {
	return driver.Checksum{Algorithm: driver.AlgorithmQETag, Value: string(append([]byte{mark}, sum[:]...))}
}

// partSum computes the checksum of a part as a transfer does.
func partSum(data []byte) driver.Checksum {
	h := checksum.NewHasher(driver.AlgorithmQETag)
	_, _ = h.Write(data) // never fails
	return h.PartSums()[0]
}

// cut divides data into parts of the sizes, the last one taking the rest.
func cut(data []byte, sizes ...int) (parts []checksum.Part, pieces [][]byte) {
	for i, size := range append(sizes, 0) {
		if i == len(sizes) {
			size = len(data)
		}
		pieces = append(pieces, data[:size])
		parts = append(parts, checksum.Part{Checksum: partSum(data[:size]), Size: int64(size)})
		data = data[size:]
	}
	return parts, pieces
}

func TestQETagKnowsThePublishedHashes(t *testing.T) {
	t.Parallel()
	// Sources: EtagTest of https://github.com/qiniu/java-sdk, https://docs.rs/qiniu-etag.
	for body, want := range map[string]string{
		"":     "Fto5o-5ea0sNMlW_75VgGJCv2AcJ",
		"etag": "FpLiADEaVoALPkdb8tJEJyRTXoe_",
	} {
		if got := base64.URLEncoding.EncodeToString([]byte(sum(t, driver.AlgorithmQETag, []byte(body)).Value)); got != want {
			t.Errorf("qetag of %q = %s, want %s", body, got, want)
		}
	}
	parts, _ := cut([]byte("helloworld"), 5)
	if got := base64.URLEncoding.EncodeToString([]byte(checksum.Join(parts)[0].Value)); got != "ns56DcSIfBFUENXjdhsJTIvl3Rcu" {
		t.Errorf("qetag of hello and world as parts = %s", got)
	}
}

func TestQETagAtTheEdgesOfBlocks(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789abcdef"), 3*block/16)
	for _, size := range []int{0, 1, block - 1, block, block + 1, 2*block - 1, 2 * block, 2*block + 1, 3 * block} {
		h := checksum.NewHasher(driver.AlgorithmQETag)
		for piece := range slices.Chunk(data[:size], 1<<20-7) {
			_, _ = h.Write(piece) // never fails
			h.Sums()              // must not change what follows
		}
		if diff := cmp.Diff(plain(data[:size]), h.Sums()[0]); diff != "" {
			t.Errorf("%d bytes: %s", size, diff)
		}
		if bare := checksum.Bare(h.PartSums()[0]); bare != plain(data[:size]) {
			t.Errorf("%d bytes as a part: %x", size, bare.Value)
		}
	}
}

func TestQETagOfParts(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("fedcba9876543210"), 5*block/16)
	sizes := func(n ...int) []int { return n }
	tests := map[string]struct {
		size  int
		sizes []int // of all parts but the last
		bytes bool  // the qetag of the bytes follows
		parts bool  // a hash of the parts is stated
	}{
		"one small part":                   {10, nil, true, false},
		"one empty part":                   {0, nil, true, false},
		"one part of a block":              {block, nil, true, false},
		"one part of several blocks":       {block + 1, nil, true, true},
		"parts of one block":               {2*block + 5, sizes(block, block), true, false},
		"parts of one block, last is full": {3 * block, sizes(block, block), true, false},
		"parts of two blocks":              {5 * block, sizes(2*block, 2*block), true, true},
		"a last part of two blocks":        {3 * block, sizes(block), true, true},
		"parts that cut blocks":            {2 * block, sizes(block + block/2), false, true},
		"small parts":                      {100, sizes(30, 30, 30), false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts, pieces := cut(data[:test.size], test.sizes...)
			var want []driver.Checksum
			if test.parts {
				var sums []driver.Checksum
				for _, piece := range pieces {
					sums = append(sums, plain(piece))
				}
				want = append(want, ofParts(sums...))
			}
			if test.bytes {
				want = append(want, plain(data[:test.size]))
			}
			if diff := cmp.Diff(want, checksum.Join(parts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Without the blocks, as a store lists parts, the hash of the parts is all there is.
func TestQETagOfPartsWithoutBlocks(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("x"), 4*block)
	parts, pieces := cut(data, 2*block)
	for i := range parts {
		parts[i].Checksum = checksum.Bare(parts[i].Checksum)
	}
	if diff := cmp.Diff([]driver.Checksum{ofParts(plain(pieces[0]), plain(pieces[1]))}, checksum.Join(parts)); diff != "" {
		t.Error(diff)
	}
	parts[0].Checksum.Value = parts[0].Checksum.Value[:20]
	if got := checksum.Join(parts); got != nil {
		t.Errorf("a cut qetag is joined to %v", got)
	}
}

func TestCompareQETags(t *testing.T) {
	t.Parallel()
	of := func(sums ...driver.Checksum) []driver.Checksum { return sums }
	one, other := plain([]byte("1")), plain([]byte("2"))
	parts, otherParts := ofParts(one, other), ofParts(other, one)
	unmarked := otherParts
	unmarked.Composite = false
	strange := driver.Checksum{Algorithm: driver.AlgorithmQETag, Value: "\x17" + one.Value[1:]}
	tests := map[string]struct {
		a, b          []driver.Checksum
		want, written checksum.Verdict
	}{
		"same bytes":                   {of(one), of(one), checksum.Equal, checksum.Equal},
		"other bytes":                  {of(one), of(other), checksum.Different, checksum.Different},
		"same parts":                   {of(parts), of(parts), checksum.Equal, checksum.Equal},
		"other parts":                  {of(parts), of(otherParts), checksum.Unknown, checksum.Different},
		"other parts, not marked":      {of(parts), of(unmarked), checksum.Unknown, checksum.Different},
		"bytes and parts":              {of(one), of(parts), checksum.Unknown, checksum.Unknown},
		"bytes and unmarked parts":     {of(one), of(unmarked), checksum.Unknown, checksum.Unknown},
		"both known, bytes stated":     {of(parts, one), of(one), checksum.Equal, checksum.Equal},
		"both known, parts stated":     {of(parts, one), of(parts), checksum.Equal, checksum.Equal},
		"both known, other parts":      {of(parts, one), of(otherParts, one), checksum.Equal, checksum.Different},
		"a hash that nobody knows":     {of(one), of(strange), checksum.Unknown, checksum.Unknown},
		"a part's blocks do not count": {of(partSum(bytes.Repeat([]byte("x"), block+1))), of(plain(bytes.Repeat([]byte("x"), block+1))), checksum.Equal, checksum.Equal},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := checksum.Compare(test.a, test.b); got != test.want {
				t.Errorf("Compare = %d, want %d", got, test.want)
			}
			if got := checksum.CompareWritten(test.a, test.b); got != test.written {
				t.Errorf("CompareWritten = %d, want %d", got, test.written)
			}
		})
	}
}

func TestJoinCRCs(t *testing.T) {
	t.Parallel()
	part := func(algorithm driver.Algorithm, data string) checksum.Part {
		return checksum.Part{Checksum: sum(t, algorithm, []byte(data)), Size: int64(len(data))}
	}
	crc, md5 := driver.AlgorithmCRC64ECMA, driver.AlgorithmMD5
	composite := part(crc, "a")
	composite.Checksum.Composite = true
	tests := map[string]struct {
		parts []checksum.Part
		want  []driver.Checksum
	}{
		"three parts":        {[]checksum.Part{part(crc, "one"), part(crc, ""), part(crc, "two")}, []driver.Checksum{sum(t, crc, []byte("onetwo"))}},
		"one part":           {[]checksum.Part{part(md5, "one")}, []driver.Checksum{sum(t, md5, []byte("one"))}},
		"two MD5s":           {[]checksum.Part{part(md5, "one"), part(md5, "two")}, nil},
		"one is not known":   {[]checksum.Part{part(crc, "one"), {Size: 3}}, nil},
		"none is known":      {[]checksum.Part{{Size: 3}}, nil},
		"one of parts":       {[]checksum.Part{composite}, nil},
		"no parts":           {nil, nil},
		"a qetag among them": {[]checksum.Part{part(crc, "one"), part(driver.AlgorithmQETag, "two")}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, checksum.Join(test.parts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the bytes, the writes and the cut, the qetag is the naive one.
func FuzzQETag(f *testing.F) {
	f.Add([]byte("seed"), uint32(block), uint32(3), uint32(block))
	f.Add([]byte{}, uint32(0), uint32(1), uint32(0))
	f.Fuzz(func(t *testing.T, pattern []byte, size, piece, first uint32) {
		size %= 3*block + 1
		first %= size + 1
		data := make([]byte, size)
		for n := 0; len(pattern) > 0 && n < len(data); {
			n += copy(data[n:], pattern)
		}
		h := checksum.NewHasher(driver.AlgorithmQETag)
		for piece := range slices.Chunk(data, int(piece%block)+1000) {
			_, _ = h.Write(piece) // never fails
		}
		if got := h.Sums()[0]; got != plain(data) {
			t.Errorf("%d bytes: %x", size, got.Value)
		}
		parts, pieces := cut(data, int(first))
		want := ofParts(plain(pieces[0]), plain(pieces[1]))
		if len(pieces[0]) == block && len(pieces[1]) <= block {
			want = plain(data)
		}
		if got := checksum.Join(parts); got[0] != want {
			t.Errorf("%d bytes cut at %d: %x, want %x", size, first, got[0].Value, want.Value)
		}
	})
}
