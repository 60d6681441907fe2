package event

import "strings"

// Width is the length of a padded sequencer. Amazon S3 writes 16 to 18 digits.
const Width = 32

// Known reports whether a sequencer orders events: it has 1 to Width hexadecimal
// digits, of which one at least is not 0. Some S3-compatible stores write "0" always.
func Known(sequencer string) bool {
	if len(sequencer) > Width {
		return false
	}
	says := false
	for _, digit := range []byte(sequencer) {
		switch {
		case '1' <= digit && digit <= '9', 'A' <= digit && digit <= 'F', 'a' <= digit && digit <= 'f':
			says = true
		case digit != '0':
			return false
		}
	}
	return says
}

// Pad returns a sequencer as a journal stores it, so that the order of texts is the
// order of events: Width upper-case digits. It is empty where the order is unknown.
func Pad(sequencer string) string {
	if !Known(sequencer) {
		return ""
	}
	return strings.ToUpper(sequencer) + strings.Repeat("0", Width-len(sequencer))
}

// Compare returns -1, 0 or 1 as the event with sequencer a is older than the one with
// b, the same, or newer. Both must be of one key. The shorter one is padded on the right
// with "0", then they are compared as text; case does not count. Where either is not
// Known the order is unknown. Source: "Event message structure" in the Amazon S3 user
// guide, https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html.
func Compare(a, b string) (order int, known bool) {
	if !Known(a) || !Known(b) {
		return 0, false
	}
	for i := range max(len(a), len(b)) {
		if x, y := digit(a, i), digit(b, i); x != y {
			if x < y {
				return -1, true
			}
			return 1, true
		}
	}
	return 0, true
}

// digit returns what stands at i in upper case, and "0" behind the end.
func digit(sequencer string, i int) byte {
	if i >= len(sequencer) {
		return '0'
	}
	if c := sequencer[i]; c >= 'a' {
		return c - ('a' - 'A')
	}
	return sequencer[i]
}
