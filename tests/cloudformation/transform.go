package cloudformation

import (
	"encoding/json"
	"runtime"
)

// ForEmulator returns the template in JSON, changed in what MiniStack 1.5.33 cannot make or a
// test cannot wait for, and in nothing else:
//
//   - alarms over metric math are left out, which its CloudFormation refuses;
//   - the function is of this machine's architecture, and finds AWS at the endpoint;
//   - the schedule comes every minute, not every hour.
func (t *Template) ForEmulator(endpoint string) (string, error) {
	resources := map[string]any{}
	for name, resource := range t.Resources {
		values, _ := resource.(map[string]any)["Properties"].(map[string]any)
		if resource.(map[string]any)["Type"] == "AWS::CloudWatch::Alarm" && values["Metrics"] != nil {
			continue
		}
		resources[name] = resource
	}
	resources["Function"] = changed(resources["Function"], "Architectures", []any{map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]})
	resources["Function"] = changed(resources["Function"], "Environment", map[string]any{
		"Variables": map[string]any{"DTH_FINDER_GROUP": map[string]any{"Ref": "FinderGroup"}, "AWS_ENDPOINT_URL": endpoint},
	})
	resources["Schedule"] = changed(resources["Schedule"], "ScheduleExpression", "rate(1 minute)")
	tree := map[string]any{}
	for name, section := range t.tree {
		tree[name] = section
	}
	tree["Resources"] = resources
	text, err := json.Marshal(tree)
	return string(text), err
}

// changed returns a copy of a resource with another value of a property.
func changed(resource any, property string, value any) any {
	changed := map[string]any{}
	for name, element := range resource.(map[string]any) {
		changed[name] = element
	}
	properties := map[string]any{}
	for name, element := range changed["Properties"].(map[string]any) {
		properties[name] = element
	}
	properties[property] = value
	changed["Properties"] = properties
	return changed
}
