package event

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		a, b  string
		order int
		known bool
	}{
		"as long":                  {"0055AED6DCD90281E5", "0055AED6DCD90281E6", -1, true},
		"the same":                 {"0055AED6DCD90281E5", "0055AED6DCD90281E5", 0, true},
		"shorter, yet newer":       {"0062", "0055AED6DCD90281E5", 1, true},
		"shorter, padded older":    {"0055AED6", "0055AED6DC", -1, true},
		"shorter, padded the same": {"0055AED6DC", "0055AED6DC000000", 0, true},
		"case":                     {"617f08299329d189", "617F08299329D189", 0, true},
		"case and order":           {"617f08299329d18a", "617F08299329D189", 1, true},
		"digits before letters":    {"a", "9", 1, true},
		"longer than 64 bits":      {"FFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFE", 1, true},
		"longest":                  {strings.Repeat("f", Width), "f", 1, true},
		"none":                     {"", "", 0, false},
		"one":                      {"", "0055AED6DCD90281E5", 0, false},
		"too long":                 {strings.Repeat("f", Width+1), "f", 0, false},
		"no digits":                {"0055AED6DCD90281E5", "v2", 0, false},
		"nothing but zeros":        {"0", "0", 0, false},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if order, known := Compare(test.a, test.b); order != test.order || known != test.known {
				t.Errorf("Compare(%q, %q) = %d, %t, want %d, %t", test.a, test.b, order, known, test.order, test.known)
			}
			if order, known := Compare(test.b, test.a); order != -test.order || known != test.known {
				t.Errorf("Compare(%q, %q) = %d, %t, want %d, %t", test.b, test.a, order, known, -test.order, test.known)
			}
		})
	}
}

func TestPad(t *testing.T) {
	t.Parallel()
	for sequencer, want := range map[string]string{
		"617f08299329d189":           "617F08299329D1890000000000000000",
		strings.Repeat("a", Width):   strings.Repeat("A", Width),
		"1":                          "10000000000000000000000000000000",
		"":                           "",
		"0000":                       "",
		"0x1":                        "",
		"ａ":                          "",
		strings.Repeat("a", Width+1): "",
	} {
		if got := Pad(sequencer); got != want {
			t.Errorf("Pad(%q) = %q, want %q", sequencer, got, want)
		}
	}
}

// TestPredecessorD2SequencerOrder: sequencers were compared as 64-bit integers, so
// that a shorter one was always older than a longer one.
// Shown to fail: let Compare return the order of the lengths where these differ; let
// Pad put its zeros on the left.
func TestPredecessorD2SequencerOrder(t *testing.T) {
	t.Parallel()
	if order, known := Compare("0062E99A88DC40", "0055AED6DCD90281E5"); order != 1 || !known {
		t.Errorf("the newer event with the shorter sequencer is %d, %t, want 1, true", order, known)
	}
	if older, newer := Pad("0055AED6DCD90281E5"), Pad("0062E99A88DC40"); older >= newer {
		t.Errorf("the journal orders %s before %s", newer, older)
	}
}

// TestPredecessorFleet7GetHex: getHex read sequencers by ParseInt(…, 16, 64), which
// ends at 7FFFFFFFFFFFFFFF: all beyond were the same event.
// Shown to fail: compare only the first 16 digits.
func TestPredecessorFleet7GetHex(t *testing.T) {
	t.Parallel()
	if order, known := Compare("8055AED6DCD90281E5", "8055AED6DCD90281E6"); order != -1 || !known {
		t.Errorf("two events beyond 63 bits compare as %d, %t, want -1, true", order, known)
	}
}

// FuzzCompare holds Compare to its rule, written down once more, and to Pad.
func FuzzCompare(f *testing.F) {
	f.Add("0055AED6DCD90281E5", "0062")
	f.Add("617f08299329d189", "617F08299329D1890")
	f.Add("", "0")
	f.Add("80000000000000000", "g")
	f.Fuzz(func(t *testing.T, a, b string) {
		order, known := Compare(a, b)
		if back, _ := Compare(b, a); back != -order {
			t.Errorf("Compare(%q, %q) = %d, and turned round %d", a, b, order, back)
		}
		if known != (Pad(a) != "" && Pad(b) != "") {
			t.Errorf("Compare(%q, %q) knows an order: %t; padded they are %q and %q", a, b, known, Pad(a), Pad(b))
		}
		if !known {
			return
		}
		longest := max(len(a), len(b))
		rule := strings.Compare(
			strings.ToUpper(a+strings.Repeat("0", longest-len(a))), strings.ToUpper(b+strings.Repeat("0", longest-len(b))))
		if order != rule || order != strings.Compare(Pad(a), Pad(b)) {
			t.Errorf("Compare(%q, %q) = %d, by the rule %d, as padded %d", a, b, order, rule, strings.Compare(Pad(a), Pad(b)))
		}
		if len(Pad(a)) != Width {
			t.Errorf("Pad(%q) has %d digits, want %d", a, len(Pad(a)), Width)
		}
	})
}
