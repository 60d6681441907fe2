package cloudformation

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page of monitoring names each alarm and each widget of the template, and each metric
// of dth with its unit.
func TestPageOfMonitoringNamesAllThereIs(t *testing.T) {
	t.Parallel()
	page := document(t, "monitoring.md")
	resources := read(t).RenderResources(smallest)
	alarms := map[string]bool{}
	for name, resource := range resources {
		if resource.(map[string]any)["Type"] == "AWS::CloudWatch::Alarm" {
			alarms[name] = true
		}
	}
	if diff := cmp.Diff(alarms, column(page, `Alarm`)); diff != "" {
		t.Errorf("alarms (-template +page):\n%s", diff)
	}
	var dashboard struct {
		Widgets []struct{ Properties struct{ Title string } }
	}
	body := resources["Dashboard"].(map[string]any)["Properties"].(map[string]any)["DashboardBody"].(string)
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, widget := range dashboard.Widgets {
		if !strings.Contains(page, "\n| "+widget.Properties.Title+" | ") {
			t.Errorf("the page does not say what widget %q shows", widget.Properties.Title)
		}
	}
	units := map[string]string{}
	for metric, unit := range emitted(t) {
		units[strings.TrimPrefix(metric, "photos ")] = unit
	}
	written := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| (Bytes|Count|Seconds|None) \\|").FindAllStringSubmatch(page, -1) {
		written[row[1]] = row[2]
	}
	if diff := cmp.Diff(units, written); diff != "" {
		t.Errorf("metrics of dth (-emitted +page):\n%s", diff)
	}
	for metric := range ofAWS {
		namespace, name, _ := strings.Cut(metric, " ")
		if !strings.Contains(page, "`"+name+"`") || !strings.Contains(page, "`"+namespace+"`") {
			t.Errorf("the page does not name %s", metric)
		}
	}
}

// column returns the names in the first column of the tables of a page that end so.
func column(page, ending string) map[string]bool {
	found := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z]+"+ending+")` \\|").FindAllStringSubmatch(page, -1) {
		found[row[1]] = true
	}
	return found
}
