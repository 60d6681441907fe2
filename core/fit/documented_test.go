package fit

import (
	"testing"

	"github.com/dth-dev/dth/sdk/driver"
)

// TestDocumentedExamples holds docs/unmappable.md to its word.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	keys := Fitter{destination: driver.Session{KeyRules: driver.KeyRules{NoLeadingSlash: true, NoEmptySegment: true, NoControl: true}}}.keyCoding()
	for name, test := range map[string]struct {
		coding   coding
		examples map[string]string
	}{
		"keys": {keys, map[string]string{
			"photos/100%.jpg": "photos/100%.jpg", "/lead": "%2Flead", "a//b": "a/%2Fb", "a\tb%": "a%09b%25", "a%09b": "a%2509b",
		}},
		"values": {valueCoding(driver.MetadataRules{VisibleASCII: true}), map[string]string{
			"Zoë 100%": "Zo%C3%AB 100%25", "Zoe 100%": "Zoe 100%",
		}},
		"names": {nameCoding(strictMetadata()), map[string]string{
			"owner": "owner", "x-ray-id": "x-ray-id", "my_name": "my-x5f-name", "my_x-xray": "my-x5f-x-x2d-xray", "my-x5f-name": "my-x2d-x5f-name",
		}},
	} {
		for given, want := range test.examples {
			if got := test.coding.encode(given); got != want {
				t.Errorf("%s: %q is written as %q, documented as %q", name, given, got, want)
			}
		}
	}
}
