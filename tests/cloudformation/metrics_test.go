package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/observe/emf"
)

// emitted returns the metrics that processes tell CloudWatch with the stack's name, by
// namespace and name, with their units.
func emitted(t *testing.T) map[string]string {
	t.Helper()
	units := map[string]string{}
	for _, role := range []emf.Role{emf.Worker, emf.Finder} {
		var output bytes.Buffer
		emitter := emf.Start(emf.Options{
			Stack: "photos", Role: role, Process: &observe.Process{}, Congestion: "bbr", Output: &output, Logger: hclog.NewNullLogger(),
		})
		if err := emitter.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var document struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Namespace string
					Metrics   []struct{ Name, Unit string }
				}
			} `json:"_aws"`
		}
		if err := json.NewDecoder(&output).Decode(&document); err != nil {
			t.Fatal(err)
		}
		for _, directive := range document.AWS.CloudWatchMetrics {
			for _, metric := range directive.Metrics {
				units[directive.Namespace+" "+metric.Name] = metric.Unit
			}
		}
	}
	return units
}

// ofAWS are the metrics of AWS that the template looks at, by the documents of each service.
var ofAWS = map[string]bool{
	"AWS/SQS ApproximateNumberOfMessagesVisible": true, "AWS/SQS ApproximateNumberOfMessagesNotVisible": true, "AWS/SQS ApproximateAgeOfOldestMessage": true,
	"AWS/AutoScaling GroupInServiceInstances": true, "AWS/AutoScaling GroupDesiredCapacity": true, "AWS/EC2 NetworkIn": true, "AWS/EC2 NetworkOut": true,
	"AWS/States ExecutionsStarted": true, "AWS/States ExecutionsSucceeded": true, "AWS/States ExecutionsFailed": true,
	"AWS/States ExecutionsAborted": true, "AWS/States ExecutionsTimedOut": true,
}

// A metric that nobody emits shows nothing and alarms nobody.
func TestDashboardAndAlarmsLookAtWhatIsEmitted(t *testing.T) {
	t.Parallel()
	known := emitted(t)
	check := func(where, metric string, dimensions map[string]any) {
		t.Helper()
		if known[metric] == "" && !ofAWS[metric] {
			t.Errorf("%s looks at %s, which nobody emits", where, metric)
		}
		if known[metric] != "" && (len(dimensions) != 1 || dimensions["StackName"] != "photos") {
			t.Errorf("%s looks at %s by %v, workers emit it by StackName", where, metric, dimensions)
		}
	}
	resources := read(t).RenderResources(fullest)
	alarms := 0
	for name, resource := range resources {
		if resource.(map[string]any)["Type"] != "AWS::CloudWatch::Alarm" {
			continue
		}
		alarms++
		values := resource.(map[string]any)["Properties"].(map[string]any)
		var metrics []any
		if values["MetricName"] != nil {
			metrics = append(metrics, values)
		}
		queries, _ := values["Metrics"].([]any)
		for _, query := range queries {
			if stat, ok := query.(map[string]any)["MetricStat"].(map[string]any); ok {
				metrics = append(metrics, stat["Metric"])
			}
		}
		if len(metrics) == 0 {
			t.Errorf("%s looks at nothing", name)
		}
		for _, metric := range metrics {
			dimensions := map[string]any{}
			for _, dimension := range metric.(map[string]any)["Dimensions"].([]any) {
				dimensions[dimension.(map[string]any)["Name"].(string)] = dimension.(map[string]any)["Value"]
			}
			check(name, fmt.Sprint(metric.(map[string]any)["Namespace"], " ", metric.(map[string]any)["MetricName"]), dimensions)
		}
	}
	if alarms != 8 {
		t.Errorf("there are %d alarms", alarms)
	}
	body := resources["Dashboard"].(map[string]any)["Properties"].(map[string]any)["DashboardBody"].(string)
	checkDashboard(t, body, check)
}

// checkDashboard reads https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
func checkDashboard(t *testing.T, body string, check func(where, metric string, dimensions map[string]any)) {
	t.Helper()
	var dashboard struct {
		Widgets []struct {
			Properties struct {
				Title   string
				Region  string
				Metrics [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		t.Fatalf("%v:\n%s", err, body)
	}
	shown := map[string]bool{}
	for _, widget := range dashboard.Widgets {
		if widget.Properties.Region != "cn-north-1" {
			t.Errorf("widget %q is of region %q", widget.Properties.Title, widget.Properties.Region)
		}
		for _, row := range widget.Properties.Metrics {
			namespace, ok := row[0].(string)
			if !ok {
				continue // an expression over other rows
			}
			metric := fmt.Sprint(namespace, " ", row[1])
			shown[strings.TrimPrefix(metric, "photos ")] = true
			check("widget "+widget.Properties.Title, metric, map[string]any{fmt.Sprint(row[2]): row[3]})
		}
	}
	for _, metric := range []string{
		"CompletedBytes", "TransferredObjects", "FailedObjects", "cc", "AWS/SQS ApproximateAgeOfOldestMessage", "AWS/EC2 NetworkIn", "AWS/EC2 NetworkOut",
		"AWS/SQS ApproximateNumberOfMessagesVisible", "AWS/SQS ApproximateNumberOfMessagesNotVisible", "AWS/AutoScaling GroupInServiceInstances",
		"AWS/States ExecutionsStarted", "AWS/States ExecutionsSucceeded",
	} {
		if !shown[metric] {
			t.Errorf("the dashboard does not show %s", metric)
		}
	}
}
