package transfer

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/dth-dev/dth/sdk/driver"
)

// The functions of this file say whether what a store shows of an attribute is what was
// written, in another form at most: stores normalise.

func sameText(written, kept string) bool {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(kept); err == nil {
		kept = decoded // a store answers values beyond US-ASCII as RFC 2047 says
	}
	return strings.TrimSpace(written) == strings.TrimSpace(kept)
}

// sameParameters compares values such as `text/plain; charset=utf-8`. Parameters that the
// store adds are no loss.
func sameParameters(written, kept string) bool {
	want, wanted, err := mime.ParseMediaType(written)
	got, given, otherErr := mime.ParseMediaType(kept)
	if err != nil || otherErr != nil {
		return sameList(written, kept)
	}
	for name, value := range wanted {
		if !strings.EqualFold(given[name], value) {
			return false
		}
	}
	return want == got
}

// sameList compares lists whose items may stand in any order and case.
func sameList(written, kept string) bool { return slices.Equal(items(written), items(kept)) }

func items(list string) []string {
	var all []string
	for item := range strings.SplitSeq(strings.ToLower(list), ",") {
		if item = strings.Join(strings.Fields(item), " "); item != "" {
			all = append(all, item)
		}
	}
	slices.Sort(all)
	return all
}

// sameDate compares dates of the three forms of HTTP (RFC 9110 section 5.6.7).
func sameDate(written, kept string) bool {
	want, err := http.ParseTime(written)
	got, otherErr := http.ParseTime(kept)
	if err != nil || otherErr != nil {
		return sameText(written, kept)
	}
	return want.Equal(got)
}

// valueOf returns the value of a pair, whose name stores may write in another case.
func valueOf(pairs []driver.Metadata, name string) (value string, has bool) {
	for _, pair := range pairs {
		if strings.EqualFold(pair.Name, name) {
			return pair.Value, true
		}
	}
	return "", false
}

// textOf returns tags in an order of their own.
func textOf(tags []driver.Tag) string {
	var all []string
	for _, tag := range tags {
		all = append(all, tag.Key+"="+tag.Value)
	}
	slices.Sort(all)
	return strings.Join(all, "&")
}
