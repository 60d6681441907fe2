package cloudformation

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whoever comes from Data Transfer Hub finds every parameter, and what it means here.
func TestPageOfMovingNamesEveryParameter(t *testing.T) {
	t.Parallel()
	template := read(t)
	said := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z0-9]+)` \\| (\\w+) \\| ?(.*)\\|$").FindAllStringSubmatch(document(t, "moving-from-data-transfer-hub.md"), -1) {
		name, verdict, remark := row[1], row[2], strings.TrimSpace(row[3])
		said[name] = verdict
		if !slices.Contains([]string{"same", "more", "differs", "ignored"}, verdict) {
			t.Errorf("%s is %q", name, verdict)
		}
		if (verdict == "differs" || verdict == "more") && remark == "" {
			t.Errorf("the page does not say how %s differs", name)
		}
		if _, known := reference[name]; !known {
			t.Errorf("data-transfer-hub has no %s", name)
		}
	}
	for name := range reference {
		if said[name] == "" {
			t.Errorf("the page does not name %s", name)
		}
		description := template.Parameters[name].(map[string]any)["Description"].(string)
		if ignored := strings.HasPrefix(description, "Taken and not used"); ignored != (said[name] == "ignored") {
			t.Errorf("%s is %s, and described as %q", name, said[name], description)
		}
	}
}
