package qetag_test

import (
	"bytes"
	"crypto/sha1"
	"testing"

	"github.com/dth-dev/dth/tests/emulators/kodo/internal/qetag"
)

func blocks(data []byte) [][]byte {
	var sums [][]byte
	for {
		n := min(len(data), qetag.Block)
		sum := sha1.Sum(data[:n])
		sums = append(sums, sum[:])
		if data = data[n:]; len(data) == 0 {
			return sums
		}
	}
}

func parts(data []byte, sizes ...int) []qetag.Part {
	var parts []qetag.Part
	for _, size := range sizes {
		parts = append(parts, qetag.Part{Size: int64(size), Blocks: blocks(data[:size])})
		data = data[size:]
	}
	return parts
}

func patterned(size int) []byte { return bytes.Repeat([]byte("abcdefghijklmnop"), size/16) }

func TestPublishedHashes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ got, want string }{
		// https://docs.rs/qiniu-etag
		"whole": {qetag.Whole(blocks([]byte("etag"))), "FpLiADEaVoALPkdb8tJEJyRTXoe_"},
		"parts": {qetag.Joined(parts([]byte("helloworld"), 5, 5)), "ns56DcSIfBFUENXjdhsJTIvl3Rcu"},
		// the hash of an empty body, in every SDK of the vendor
		"empty": {qetag.Whole(blocks(nil)), "Fto5o-5ea0sNMlW_75VgGJCv2AcJ"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", name, test.got, test.want)
		}
	}
}

func TestPartLayouts(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	data := patterned(9 * mib)
	whole := qetag.Whole(blocks(data))
	if whole[0] != 'l' { // 0x96 in Base64
		t.Errorf("the hash of 9 MiB is %s, and does not begin as one of several blocks", whole)
	}
	for name, test := range map[string]struct {
		sizes []int
		same  bool
	}{
		"4+4+1":       {[]int{4 * mib, 4 * mib, mib}, true},
		"one part":    {[]int{9 * mib}, false},
		"5+4":         {[]int{5 * mib, 4 * mib}, false},
		"4+5":         {[]int{4 * mib, 5 * mib}, false},
		"short first": {[]int{mib, 4 * mib, 4 * mib}, false},
	} {
		got := qetag.Joined(parts(data, test.sizes...))
		if (got == whole) != test.same {
			t.Errorf("%s: %s, and the whole has %s", name, got, whole)
		}
		if !test.same && got[0] != 'n' { // 0x9e
			t.Errorf("%s: %s does not begin as one of other parts", name, got)
		}
	}
}
